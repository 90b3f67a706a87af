package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Every client makes its exchanges in every mode on the connections it has.
func TestPeers(t *testing.T) {
	eachServer(t, func(t *testing.T, o *options) {
		for _, w := range []wire{{}, {TLS: true}, {TLS: true, HTTP2: true}} {
			s := newServer(t, o, serverNeeds{wire: w, conns: 64})
			for _, name := range allClients {
				if w.HTTP2 && name == nameFastHTTP {
					continue
				}
				for _, m := range []mode{bare, withContext, transportTimeout, clientTimeout} {
					t.Run(fmt.Sprintf("%s, %s%s", name, m, w), func(t *testing.T) { testPeer(t, s, name, m) })
				}
			}
		}
	})
}

func testPeer(t *testing.T, s *server, name string, m mode) {
	p := newPeer(name, s, m, 4, 0)
	defer p.close()
	if err := together(p.callers(4), 5); err != nil {
		t.Fatal(err)
	}
	made := p.dialer.dials()
	if made < 1 {
		t.Error("the dialer was not used")
	}
	if err := p.newCaller()(); err != nil {
		t.Fatal(err)
	}
	if got := p.dialer.dials(); got != made {
		t.Errorf("one caller more dialed %d times, though %d connections are idle", got-made, made)
	}
}

// An error page or a cut answer must not pass for a fast exchange.
func TestCheckAnswer(t *testing.T) {
	if err := checkAnswer(http.StatusOK, len(answer)); err != nil {
		t.Error(err)
	}
	if checkAnswer(http.StatusBadGateway, len(answer)) == nil || checkAnswer(http.StatusOK, len(answer)-1) == nil {
		t.Error("a wrong answer passes")
	}
}

// An answer in the wrong protocol must not pass for one in the right.
func TestDrainWantsProtocol(t *testing.T) {
	for _, test := range []struct {
		major int
		http2 bool
		want  bool
	}{{1, false, true}, {2, true, true}, {1, true, false}, {2, false, false}} {
		s := &server{http2: test.http2}
		resp := &http.Response{StatusCode: http.StatusOK, ProtoMajor: test.major, Body: io.NopCloser(strings.NewReader(answer))}
		if err := s.drain(resp, nil); (err == nil) != test.want {
			t.Errorf("HTTP/%d where HTTP/2 is %v: %v", test.major, test.http2, err)
		}
	}
}

func TestTogether(t *testing.T) {
	broken := errors.New("broken")
	calls := make([]int, 3)
	callers := make([]caller, len(calls))
	for i := range callers {
		callers[i] = func() error {
			calls[i]++
			if i == 1 && calls[i] == 2 {
				return broken
			}
			return nil
		}
	}
	if err := together(callers, 5); err != broken {
		t.Errorf("error %v, want %v", err, broken)
	}
	if got := strings.Trim(fmt.Sprint(calls), "[]"); got != "5 2 5" {
		t.Errorf("calls %s, want 5 2 5", got)
	}
}
