package demo

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A trip is a network of which a test decides how long it takes and what comes of it.
type trip func(*http.Request) error

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := f(r); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("ok\n"))}, nil
}

// takes is a trip of so long, which ends early when its request does.
func takes(d time.Duration) trip {
	return func(r *http.Request) error {
		select {
		case <-time.After(d):
			return nil
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

func newLoad(t trip, requests int64) *load {
	return &load{client: &http.Client{Transport: t}, url: "http://127.0.0.1", requests: requests}
}

func ignore(int64, int64) {}

func TestLoadSendsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(takes(10*time.Millisecond), 100)
		took := l.run(t.Context(), 10, ignore)
		if p := l.result(); p != (Phase{OK: 100}) || took != 100*time.Millisecond {
			t.Errorf("got %+v after %v, want 100 in 100 ms", p, took)
		}
	})
}

func TestLoadGoesOnAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		l := newLoad(func(*http.Request) error {
			if n.Add(1) > 4 {
				return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
			}
			return nil
		}, 10)
		l.run(t.Context(), 3, ignore)
		want := Phase{OK: 4, Failed: 6, FirstError: "connect: " + syscall.EADDRNOTAVAIL.Error()}
		if p := l.result(); p != want {
			t.Errorf("got %+v, want %+v", p, want)
		}
	})
}

func TestLoadFewerRequestsThanCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(takes(time.Millisecond), 3)
		took := l.run(t.Context(), 16, ignore)
		if p := l.result(); p != (Phase{OK: 3}) || took != time.Millisecond {
			t.Errorf("got %+v after %v, want 3 at once", p, took)
		}
	})
}

func TestLoadTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 400 * time.Millisecond // so that some are in flight when time is up
		l := newLoad(takes(each), 1000)
		took := l.run(t.Context(), 2, ignore)
		rounds := int((phaseTime + each - 1) / each)
		if p := l.result(); p != (Phase{OK: 2 * rounds, TimedOut: true}) {
			t.Errorf("got %+v, want %d rounds of 2", p, rounds)
		}
		if took != time.Duration(rounds)*each {
			t.Errorf("took %v, want the rounds to end", took)
		}
	})
}

func TestLoadThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(takes(time.Hour), 1000)
		took := l.run(t.Context(), 2, ignore)
		want := Phase{Failed: 2, FirstError: context.DeadlineExceeded.Error(), TimedOut: true}
		if p := l.result(); p != want || took != phaseTime+graceTime {
			t.Errorf("got %+v after %v, want %+v after %v", p, took, want, phaseTime+graceTime)
		}
	})
}

func TestLoadCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		l := newLoad(takes(300*time.Millisecond), 1000)
		if took := l.run(ctx, 2, ignore); took != time.Second {
			t.Errorf("took %v, want it to end with its context after 1s", took)
		}
	})
}

func TestLoadReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []int64
		l := newLoad(takes(45*time.Millisecond), 5)
		l.run(t.Context(), 1, func(ok, failed int64) { seen = append(seen, ok+failed) })
		// At 0, 100 and 200 ms.
		if len(seen) != 3 || seen[0] != 0 || seen[1] != 2 || seen[2] != 4 {
			t.Errorf("reported %v, want 0, 2, 4", seen)
		}
	})
}

func TestLoadWantsAnAnswer(t *testing.T) {
	s, err := serve()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.http.Handler = http.NotFoundHandler()
	l := &load{client: &http.Client{Transport: &http.Transport{}}, url: "http://" + s.addr.String(), requests: 1}
	defer l.client.CloseIdleConnections()
	l.run(t.Context(), 1, ignore)
	want := Phase{Failed: 1, FirstError: "the server answered 404 Not Found"}
	if p := l.result(); p != want {
		t.Errorf("got %+v, want %+v", p, want)
	}
}

func TestWords(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for want, err := range map[string]error{
		"connect: " + syscall.ECONNREFUSED.Error(): &url.Error{Op: "Get", URL: "http://127.0.0.1", Err: refused},
		"EOF":                       &url.Error{Op: "Get", URL: "http://127.0.0.1", Err: io.EOF},
		"the server answered 404 x": errors.New("the server answered 404 x"),
	} {
		if got := words(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
