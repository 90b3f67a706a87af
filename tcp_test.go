package berth_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth"
	"github.com/berth-go/berth/internal/netlab"
)

// These tests use real sockets, for what memory does not have.

// get makes a request and reads its answer to the end.
func get(t testing.TB, rt http.RoundTripper, url string) string {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// serveConns runs serve for each connection to a listener, and returns its URL.
func serveConns(t testing.TB, serve func(n int, c *net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				serve(n, c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

// The watcher closes an idle connection as soon as the server did: no request
// comes that could find out, and no CLOSE_WAIT stays.
func TestIdleConnectionLeavesWithItsServer(t *testing.T) {
	tr := new(berth.Transport)
	defer tr.Close()
	closed := make(chan error, 1)
	url := serveConns(t, func(n int, c *net.TCPConn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, answer)
		c.CloseWrite()
		_, err := c.Read(make([]byte, 1)) // until the client closes its side too
		closed <- err
	})
	get(t, tr, url)
	if err := <-closed; err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server's read ends with %v, want the client's close", err)
	}
}

func TestIdleConnectionsHaveNoGoroutine(t *testing.T) {
	if !watches {
		t.Skip("here they have one each")
	}
	const n = 50
	tr := new(berth.Transport)
	defer tr.Close()
	var arrived sync.WaitGroup
	arrived.Add(n)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived.Done()
		arrived.Wait()
	}))
	defer srv.Close()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { get(t, tr, srv.URL) })
	}
	wg.Wait()
	if idle := tr.Stats().Idle; idle != n {
		t.Fatalf("%d connections are idle, want %d", idle, n)
	}
	buf := make([]byte, 1<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	watchers := 0
	for g := range strings.SplitSeq(stacks, "\n\n") {
		if !strings.Contains(g, "berth.(*") {
			continue
		}
		if !strings.Contains(g, "berth.(*watcher).run") {
			t.Errorf("a goroutine for what is idle:\n%s", g)
		}
		watchers++
	}
	if watchers != 1 {
		t.Errorf("%d watchers, want 1", watchers)
	}
}

// A server that closes a kept connection as the next request arrives: a GET is
// made again, a POST is not.
func TestRetryAfterAKeepAliveRace(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	url := serveConns(t, func(n int, c *net.TCPConn) {
		br := bufio.NewReader(c)
		for i := 0; ; i++ {
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			mu.Lock()
			seen[req.URL.Path]++
			mu.Unlock()
			if i == 1 {
				return // without an answer
			}
			io.WriteString(c, answer)
		}
	})
	tr := new(berth.Transport)
	defer tr.Close()
	get(t, tr, url+"/first")
	get(t, tr, url+"/get")
	req, _ := http.NewRequest("POST", url+"/post", strings.NewReader("x"))
	if resp, err := tr.RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Error("the POST has an answer: it was sent twice")
	}
	mu.Lock()
	defer mu.Unlock()
	if seen["/get"] != 2 || seen["/post"] != 1 {
		t.Errorf("the server saw %v, want the GET twice and the POST once", seen)
	}
}

// A server may answer, and want to be read, before it has read all.
func TestFullDuplexEcho(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	}))
	defer srv.Close()
	tr := new(berth.Transport)
	defer tr.Close()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	req, _ := http.NewRequest("POST", srv.URL, bytes.NewReader(sent))
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back (%v), want %d", len(got), err, len(sent))
	}
}

// A server that refuses an upload without reading it: its answer is told, not
// the broken pipe.
func TestEarlyRefusalOfAnUpload(t *testing.T) {
	url := serveConns(t, func(n int, c *net.TCPConn) {
		br := bufio.NewReader(c)
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		c.CloseWrite()
		io.Copy(io.Discard, br)
	})
	tr := new(berth.Transport)
	defer tr.Close()
	body := &openReader{Reader: io.LimitReader(zeros{}, 64<<20)}
	req, _ := http.NewRequest("POST", url, body)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d, want 413", resp.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type openReader struct{ io.Reader }

func (openReader) Close() error { return nil }

// A body that is closed early costs its connection only if much is left.
func TestClosingABodyEarly(t *testing.T) {
	for _, tt := range []struct {
		name  string
		size  int
		conns int64 // dials for two requests
	}{
		{"little is left", 10_000, 1},
		{"much is left", 10_000_000, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(tt.size))
				w.Write(make([]byte, tt.size))
			}))
			defer srv.Close()
			tr := new(berth.Transport)
			defer tr.Close()
			for range 2 {
				req, _ := http.NewRequest("GET", srv.URL, nil)
				resp, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				if tt.conns == 1 {
					// Once the last byte can be read, all is here.
					io.CopyN(io.Discard, resp.Body, int64(tt.size)-1)
				}
				resp.Body.Close()
			}
			if n := tr.Stats().Dials; n != tt.conns {
				t.Errorf("%d dials, want %d", n, tt.conns)
			}
		})
	}
}

// The failure that berth exists for, for real: a range of two ports.
func TestPortsRunOut(t *testing.T) {
	netlab.NeedPortRange(t)
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			<-release
		}
		io.WriteString(w, "hi")
	}))
	defer srv.Close()
	ports, err := netlab.FreeRange(2)
	if err != nil {
		t.Fatal(err)
	}
	tr := &berth.Transport{Control: netlab.PortRange(ports.Lo, ports.Hi)}
	defer tr.Close()

	// Many callers: nobody fails, they share the two connections.
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 10 {
				get(t, tr, srv.URL)
			}
		})
	}
	wg.Wait()
	if s := tr.Stats(); s.Open > 2 {
		t.Errorf("%d connections on two ports", s.Open)
	}

	// Another pool with the same ports, while these are held: its request fails
	// with what the kernel said.
	for range 2 {
		wg.Go(func() { get(t, tr, srv.URL+"/hold") })
	}
	other := tr.Clone()
	defer other.Close()
	for tr.Stats().InUse < 2 {
		runtime.Gosched()
	}
	req, _ := http.NewRequestWithContext(context.Background(), "GET", srv.URL, nil)
	_, err = other.RoundTrip(req)
	close(release)
	wg.Wait()
	var local *berth.LocalError
	if !errors.As(err, &local) || !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Fatalf("error %v, want a LocalError for EADDRNOTAVAIL", err)
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		t.Error("the *net.OpError is lost")
	}
	if !strings.HasSuffix(err.Error(), "; berth check shows the rest") {
		t.Errorf("error %q does not say what to do next", err)
	}
}

// A request that is cut short has no answer, though over TLS the server learns
// of it before the connection is closed, and may answer that.
func TestTheServersAnswerToACancelIsNone(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
		}
		<-r.Context().Done() // and then ends well
	}))
	defer srv.Close()
	for _, path := range []string{"/", "/half"} {
		for range 40 {
			tr := &berth.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Timeout: 5 * time.Millisecond}
			resp, err := tr.RoundTrip(httptest.NewRequest("GET", srv.URL+path, nil))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s: error %v, want the deadline", path, err)
			}
			tr.Close()
		}
	}
}
