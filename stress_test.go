package berth_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth"
)

// Many callers, several hosts, tight limits, requests that are cancelled at any
// moment, and servers that close, stall and answer half: in the end nothing is
// in use, waits or dials, and no request has waited for ever.
func TestStress(t *testing.T) {
	for name, set := range map[string]func(*berth.Transport){
		"no limits":   func(*berth.Transport) {},
		"per host":    func(tr *berth.Transport) { tr.MaxConnsPerHost = 3 },
		"all hosts":   func(tr *berth.Transport) { tr.MaxConns = 4 },
		"all of them": func(tr *berth.Transport) { tr.MaxConns, tr.MaxConnsPerHost, tr.MaxDialsPerHost = 4, 3, 1 },
		"idle":        func(tr *berth.Transport) { tr.MaxIdleConns, tr.MaxIdleConnsPerHost = 3, 2 },
		"short lives": func(tr *berth.Transport) {
			tr.MaxConnLifetime, tr.IdleConnTimeout = 5*time.Millisecond, time.Millisecond
		},
		"queue":         func(tr *berth.Transport) { tr.MaxConnsPerHost, tr.MaxWaiting = 2, 5 },
		"keep-alives":   func(tr *berth.Transport) { tr.DisableKeepAlives, tr.MaxConns = true, 4 },
		"streams":       func(tr *berth.Transport) { tr.MaxHTTP2ConnsPerHost = 2 },
		"short timeout": func(tr *berth.Transport) { tr.Timeout, tr.AcquireTimeout = 20*time.Millisecond, 10*time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, http2 := range []bool{false, true} {
				tr := &berth.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
				set(tr)
				stress(t, tr, http2)
			}
		})
	}
}

func stress(t *testing.T, tr *berth.Transport, http2 bool) {
	var urls []string
	for i := range 3 {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(unreliable))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that end, as they should
		if srv.EnableHTTP2 = http2; http2 {
			srv.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1 + 2*i}
			srv.StartTLS()
		} else {
			srv.Start()
		}
		defer srv.Close()
		urls = append(urls, srv.URL)
	}
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for range 60 {
				hurried(t, tr, urls[rand.IntN(len(urls))])
			}
		})
	}
	wg.Wait()
	s := tr.Stats()
	if s.InUse != 0 || s.Waiting != 0 {
		t.Errorf("at the end %d are in use, %d wait", s.InUse, s.Waiting)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := tr.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v; %+v", err, tr.Stats())
	}
	if s := tr.Stats(); s.Open != 0 || s.Dialing != 0 || len(s.Hosts) != 0 {
		t.Errorf("after Shutdown: %+v", s)
	}
}

// unreliable is a server with bad habits.
func unreliable(w http.ResponseWriter, r *http.Request) {
	switch rand.IntN(10) {
	case 0:
		panic(http.ErrAbortHandler)
	case 1:
		w.Header().Set("Connection", "close")
	case 2:
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
		return
	case 3:
		io.WriteString(w, strings.Repeat("x", 100_000))
		return
	case 4:
		time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
	case 5: // answer before the body is read
		io.WriteString(w, "early")
		return
	}
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, "hello")
}

// hurried makes a request whose caller may lose patience at any moment.
func hurried(t *testing.T, tr *berth.Transport, url string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	method, body := "GET", io.Reader(nil)
	switch rand.IntN(4) {
	case 0:
		method, body = "POST", strings.NewReader("small")
	case 1:
		method, body = "PUT", strings.NewReader(strings.Repeat("large", 10_000))
	}
	if rand.IntN(3) == 0 {
		patience := time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, cancel)
		defer patience.Stop()
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Error(err)
		return
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return
	}
	if rand.IntN(4) > 0 {
		io.Copy(io.Discard, resp.Body)
	}
	resp.Body.Close()
}
