package berth

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An eventLog notes events in few words.
type eventLog struct {
	mu    sync.Mutex
	lines []string
	leaks []LeakEvent
}

func (l *eventLog) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *eventLog) events() *Events {
	return &Events{
		Dial:       func(e DialEvent) { l.note("dial: %s", e.Why) },
		Dialed:     func(e DialEvent) { l.note("dialed after %v, local address %v", e.Took, e.Local != nil) },
		DialFailed: func(e DialEvent) { l.note("dial failed: %v", e.Err) },
		Elided:     func(host string) { l.note("elided: %s", host) },
		Acquired:   func(e AcquireEvent) { l.note("acquired after %v, reused %v", e.Waited, e.Reused) },
		Closed:     func(e CloseEvent) { l.note("closed: %s, %d requests in %v", e.Why, e.Requests, e.Age) },
		Leaked: func(e LeakEvent) {
			l.note("leaked: open for %v", e.Open)
			l.leaks = append(l.leaks, e)
		},
		LeakReturned: func(e LeakEvent) { l.note("returned after %v", e.Open) },
	}
}

func (l *eventLog) want(t *testing.T, lines ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.lines, lines) {
		t.Errorf("events:\n\t%s\nwant:\n\t%s", strings.Join(l.lines, "\n\t"), strings.Join(lines, "\n\t"))
	}
	l.lines = nil
}

func TestEvents(t *testing.T) {
	var log eventLog
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		time.Sleep(100 * time.Millisecond)
		c1.finish(nil)
		log.want(t, "dial: no idle connection", "dialed after 100ms, local address true", "acquired after 100ms, reused false")
		rt1.finish()
		rt1, rt2 := p.roundTrip(), p.roundTrip()
		rt1.finish()
		rt2.finish()
		log.want(t, "acquired after 0s, reused true", "elided: http://fake.test:80", "acquired after 0s, reused true")
		time.Sleep(defaultIdleConnTimeout)
		log.want(t, "closed: idle timeout, 3 requests in 1m30s")
		rt3 := p.roundTrip()
		p.wantDial().finish(errRefused)
		rt3.wantErr(errRefused)
		log.want(t, "dial: no idle connection", "dial failed: dial tcp: connection refused")
	}, func(tr *Transport) { tr.Events = log.events() })
}

func TestLogger(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "DEBUG dial DEBUG dialed DEBUG acquired DEBUG closed DEBUG dial WARN dial failed",
		slog.LevelInfo:  "WARN dial failed",
		slog.LevelError: "",
	} {
		var out bytes.Buffer
		inPool(t, func(p *pool) {
			rt1 := p.roundTrip()
			p.wantDial().finish(nil)
			rt1.finish()
			p.tr.CloseIdleConnections()
			rt2 := p.roundTrip()
			p.wantDial().finish(errRefused)
			rt2.wantErr(errRefused)
		}, func(tr *Transport) {
			tr.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))
		})
		var got []string
		for line := range strings.Lines(out.String()) {
			_, line, _ = strings.Cut(line, "level=")
			word, rest, _ := strings.Cut(line, " msg=")
			msg, _, _ := strings.Cut(strings.TrimPrefix(rest, `"`), `"`)
			msg, _, _ = strings.Cut(msg, " host=")
			got = append(got, word+" "+msg)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("at %v: %s\nwant: %s", level, text, want)
		}
	}
}

// A body that is open for too long is told of once, with where it was asked for,
// and once more when it is closed after all.
func TestLeak(t *testing.T) {
	inBoth(t, func(t *testing.T, inPool func(*testing.T, func(*pool), ...func(*Transport))) {
		var log eventLog
		inPool(t, func(p *pool) {
			p.tr.leaky.Store(true) // stacks are taken of all requests then
			rt := p.roundTrip()
			p.wantDial().finish(nil)
			rt.answer <- "hello"
			log.want(t, "dial: no idle connection", "dialed after 0s, local address true", "acquired after 0s, reused false")
			time.Sleep(time.Minute - 1)
			log.want(t)
			time.Sleep(1)
			log.want(t, "leaked: open for 1m0s")
			time.Sleep(time.Hour)
			log.want(t)
			if stack := log.leaks[0].Stack; !strings.Contains(stack, "roundTrip") || strings.Contains(stack, "RoundTrip") {
				t.Errorf("the stack does not begin at the caller:\n%s", stack)
			}
			rt.read("hello")
			log.want(t, "returned after 1h1m0s")
			if n := p.tr.Stats().Leaked; n != 1 {
				t.Errorf("%d leaks are counted, want 1", n)
			}
			rt = p.roundTrip() // and the lease is as new
			rt.finish()
			log.want(t, "acquired after 0s, reused true")
			time.Sleep(time.Minute)
			log.want(t)
		}, func(tr *Transport) { tr.Events, tr.LeakAfter = log.events(), time.Minute })
	})
}

// inBoth is for HTTP/1 and HTTP/2.
func inBoth(t *testing.T, f func(*testing.T, func(*testing.T, func(*pool), ...func(*Transport)))) {
	t.Run("HTTP1", func(t *testing.T) { f(t, inPool) })
	t.Run("HTTP2", func(t *testing.T) {
		f(t, func(t *testing.T, g func(*pool), set ...func(*Transport)) { inPoolHTTP2(t, 250, g, set...) })
	})
}

// A body that nobody has any more gives its connection back, whatever its
// framing.
func TestLostBody(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			w.Header().Set("Trailer", "T")
			http.NewResponseController(w).Flush()
		}
		io.WriteString(w, strings.Repeat("x", 1<<20))
		w.Header().Set("T", "t")
	}))
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	srv.Config.Protocols = both
	srv.Start()
	defer srv.Close()
	for _, http2 := range []bool{false, true} {
		for _, path := range []string{"/", "/chunked"} {
			tr := &Transport{LeakAfter: time.Hour, MaxConnsPerHost: 1}
			if http2 {
				tr.Protocols = new(http.Protocols)
				tr.Protocols.SetUnencryptedHTTP2(true)
			}
			forget(t, tr, srv.URL+path)
			for tr.Stats().InFlight > 0 && t.Context().Err() == nil {
				runtime.GC()
			}
			resp, err := tr.RoundTrip(httptest.NewRequest("GET", srv.URL+path, nil))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || len(body) != 1<<20 {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			if path == "/chunked" && resp.Trailer.Get("T") != "t" {
				t.Errorf("the trailer is %v", resp.Trailer)
			}
			tr.Close()
		}
	}
}

func forget(t *testing.T, tr *Transport, url string) {
	resp, err := tr.RoundTrip(httptest.NewRequest("GET", url, nil).WithContext(context.Background()))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Read(make([]byte, 10))
}
