package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth/internal/netlab"
)

// few is a range whose ports run out in milliseconds. Servers listen outside of it.
var few = netlab.Range{Lo: 33000, Hi: 33299}

// roomy is a range that nobody would call narrow.
var roomy = netlab.Range{Lo: 33000, Hi: 47999}

// TestTruth makes each fault for real, in a network namespace of its own, and wants its finding and no other.
func TestTruth(t *testing.T) {
	usual := netlab.Config{Range: few}
	tests := []struct {
		name string
		cfg  netlab.Config
		make func(*lab)
		want string // the codes and levels, of all findings
		exit int
	}{
		{"a pool that is too small", usual, (*lab).smallPool, "time-wait-exhaustion exhausted", exitNo},
		{"CloseIdleConnections a request", usual, (*lab).closeIdle, "time-wait-exhaustion critical", exitNo},
		{"cancelled requests", usual, (*lab).cancelled, "time-wait-exhaustion critical", exitNo},
		{"a Transport a call", usual, (*lab).transportPerCall, "connection-leak critical", exitNo},
		{"a body that is not drained", usual, (*lab).undrained, "", exitOK},
		{"the server closes first", usual, (*lab).serverCloses, "server-side-time-wait ok", exitOK},
		{"LocalAddr without NO_PORT", usual, (*lab).bound, "bound-ports critical", exitNo},
		{"the peer closed", usual, (*lab).closeWait, "close-wait-leak critical", exitNo},
		{"a healthy pool under full load", usual, (*lab).healthy, "", exitOK},
		{"a healthy pool that is idle", usual, (*lab).idlePool, "", exitOK},

		{"many connections that work", netlab.Config{Range: roomy}, (*lab).busiest, "past-the-cliff slow", exitNo},
		{"a narrow range", usual, (*lab).busy, "narrow-range slow", exitNo},
		{"reserved ports", netlab.Config{Sysctls: map[string]string{"net.ipv4.ip_local_reserved_ports": "33068-60999"}}, (*lab).busy,
			"reserved-ports slow", exitNo},
		{"no room for TIME_WAIT", netlab.Config{Sysctls: map[string]string{"net.ipv4.tcp_max_tw_buckets": "100"}}, (*lab).closeIdle,
			"tw-bucket-overflow slow", exitNo},
		{"connects that nobody answers", netlab.Config{Range: few, Sysctls: map[string]string{"net.core.somaxconn": "4"}}, (*lab).unanswered, "nat-suspected slow", exitNo},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			netlab.Run(t, tt.cfg, func(t *testing.T) {
				l := &lab{T: t}
				tt.make(l)
				if got, exit := l.check(); got != tt.want || exit != tt.exit {
					t.Errorf("got %q, exit code %d; want %q, %d\n%s", got, exit, tt.want, tt.exit, l.text())
				}
			})
		})
	}
}

// A lab is what a row of TestTruth makes its fault in.
type lab struct {
	*testing.T
	url string // of the server that serve started
}

// check runs berth check, and returns what it finds and its exit code.
func (l *lab) check() (found string, code int) {
	l.Helper()
	var stdout, stderr bytes.Buffer
	code = exec(l.Context(), []string{"check", "--json"}, nil, &stdout, &stderr)
	var r struct {
		Findings []struct{ Code, Level string }
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil || stderr.Len() > 0 {
		l.Fatalf("exit code %d, %v, %s", code, err, stderr.String())
	}
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Code+" "+f.Level)
	}
	return strings.Join(all, ", "), code
}

// text is what berth check tells people, for the log of a test that failed.
func (l *lab) text() string {
	var out bytes.Buffer
	exec(l.Context(), []string{"check", "--all"}, nil, &out, &out)
	return out.String()
}

const server = "127.0.0.1:9999"

// serve starts an HTTP server that answers with a body of so many bytes.
func (l *lab) serve(size int) {
	body := bytes.Repeat([]byte("x"), size)
	l.handle(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
}

func (l *lab) handle(h http.HandlerFunc) {
	l.Helper()
	s := &http.Server{Handler: h}
	ln := l.listen()
	go s.Serve(ln)
	l.Cleanup(func() { s.Close() })
	l.url = "http://" + server + "/"
}

func (l *lab) listen() net.Listener {
	l.Helper()
	ln, err := net.Listen("tcp", server)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { ln.Close() })
	return ln
}

// get sends a request and reads its answer to the end.
func (l *lab) get(rt http.RoundTripper) error {
	resp, err := (&http.Client{Transport: rt}).Get(l.url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func (l *lab) mustGet(rt http.RoundTripper) {
	l.Helper()
	if err := l.get(rt); err != nil {
		l.Fatal(err)
	}
}

// callers runs f in so many goroutines, so many times each, until one of them fails.
func callers(n, times int, f func() error) error {
	errs := make(chan error, n)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for range times {
				if err := f(); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs
}

func (l *lab) smallPool() {
	l.serve(100)
	tr := &http.Transport{MaxIdleConnsPerHost: 1}
	l.Cleanup(tr.CloseIdleConnections)
	if err := callers(16, 2000, func() error { return l.get(tr) }); err == nil || !strings.Contains(err.Error(), "cannot assign requested address") {
		l.Fatalf("the ports did not run out: %v", err)
	}
}

func (l *lab) closeIdle() {
	l.serve(100)
	tr := &http.Transport{}
	for range 280 {
		l.mustGet(tr)
		tr.CloseIdleConnections()
	}
}

func (l *lab) cancelled() {
	arrived := make(chan bool)
	l.handle(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- true
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // closes: an answer would be met with a reset, which leaves no TIME_WAIT
	})
	tr := &http.Transport{}
	for range 280 {
		ctx, cancel := context.WithCancel(l.Context())
		req, err := http.NewRequestWithContext(ctx, "GET", l.url, nil)
		if err != nil {
			l.Fatal(err)
		}
		go func() { <-arrived; cancel() }()
		if resp, err := tr.RoundTrip(req); err == nil {
			resp.Body.Close()
			l.Fatal("an answer to a request that was cancelled")
		}
	}
}

func (l *lab) transportPerCall() {
	l.serve(100)
	for range 250 {
		l.mustGet(&http.Transport{})
	}
	l.untilFound() // a request that is on its way looks the same for some seconds
}

// untilFound waits for what the kernel tells nobody: that time has passed.
func (l *lab) untilFound() {
	l.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if found, _ := l.check(); strings.Contains(found, "-leak") || strings.Contains(found, "nat-") {
			return
		}
	}
}

func (l *lab) undrained() {
	l.serve(64 << 10)
	tr := &http.Transport{}
	for range 600 {
		resp, err := (&http.Client{Transport: tr}).Get(l.url)
		if err != nil {
			l.Fatal(err)
		}
		io.ReadFull(resp.Body, make([]byte, 4<<10))
		resp.Body.Close()
	}
}

func (l *lab) serverCloses() {
	l.handle(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	for range 600 {
		c, err := net.Dial("tcp", server) // an http.Transport closes too when it reads that header, at times first
		if err != nil {
			l.Fatal(err)
		}
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		io.Copy(io.Discard, c)
		c.Close()
	}
}

func (l *lab) bound() {
	l.serve(100)
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	tr := &http.Transport{DialContext: d.DialContext}
	for range 200 {
		l.mustGet(tr)
		tr.CloseIdleConnections()
	}
}

func (l *lab) closeWait() {
	ln := l.listen()
	for range 250 {
		c := l.dial()
		s, err := ln.Accept()
		if err != nil {
			l.Fatal(err)
		}
		s.Close()
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			l.Fatalf("got %v, want the end that the server sent", err)
		}
	}
}

// dial opens a connection that stays open for as long as the test runs.
func (l *lab) dial() net.Conn {
	l.Helper()
	c, err := net.Dial("tcp", server)
	if errors.Is(err, syscall.EMFILE) {
		l.Skip("this needs more open files: ", err)
	}
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { c.Close() })
	return c
}

// healthy looks at a pool while it works as hard as it can, and leaves it to be looked at once more.
func (l *lab) healthy() {
	l.serve(100)
	tr := &http.Transport{MaxConnsPerHost: 40, MaxIdleConnsPerHost: 40}
	l.Cleanup(tr.CloseIdleConnections)
	done := make(chan error)
	go func() { done <- callers(40, 250, func() error { return l.get(tr) }) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				l.Fatal(err)
			}
			return
		default:
			if found, code := l.check(); found != "" || code != exitOK {
				l.Fatalf("a false alarm: %s, exit code %d", found, code)
			}
		}
	}
}

// idlePool is one that has served a burst, and keeps what it opened.
func (l *lab) idlePool() {
	l.serve(100)
	tr := &http.Transport{MaxIdleConnsPerHost: 60}
	l.Cleanup(tr.CloseIdleConnections)
	var all sync.WaitGroup
	all.Add(60)
	together := func() error { // so that none reuses another's
		all.Done()
		all.Wait()
		return l.get(tr)
	}
	if err := callers(60, 1, together); err != nil {
		l.Fatal(err)
	}
}

// busy holds connections that work.
func (l *lab) busy() { l.work(200) }

// busiest holds so many that the first half of the ports is gone.
func (l *lab) busiest() { l.work(roomy.Len()/2 + 200) }

func (l *lab) work(connections int) {
	ln := l.listen()
	go func() {
		for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
			l.Cleanup(func() { c.Close() })
			echo(c, 3)
		}
	}()
	var all []net.Conn
	for range connections {
		c := l.dial()
		all = append(all, c)
		for range 3 {
			l.ping(c)
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				l.Fatal(err)
			}
		}
	}
	for _, c := range all { // the first would be idle by now on a machine with much else to do
		l.ping(c)
	}
}

func (l *lab) ping(c net.Conn) {
	l.Helper()
	if _, err := c.Write([]byte("x")); err != nil {
		l.Fatal(err)
	}
}

func echo(c net.Conn, bytes int) {
	b := make([]byte, 1)
	for range bytes {
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		c.Write(b)
	}
}

// unanswered fills the backlog of a server that accepts nobody, and goes on until connects have asked twice.
func (l *lab) unanswered() {
	l.listen()
	d := &net.Dialer{}
	ctx, cancel := context.WithCancel(l.Context())
	var all sync.WaitGroup
	l.Cleanup(func() { cancel(); all.Wait() })
	for range 40 {
		all.Go(func() {
			if c, err := d.DialContext(ctx, "tcp", server); err == nil {
				<-ctx.Done()
				c.Close()
			}
		})
	}
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if found, _ := l.check(); found != "" {
			return
		}
		time.Sleep(50 * time.Millisecond) // the kernel asks again after a second, and tells nobody
	}
}
