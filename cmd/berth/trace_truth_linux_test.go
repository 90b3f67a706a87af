package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/berth-go/berth/internal/netlab"
)

// traced is berth trace --json, as a script reads it.
type traced struct {
	Schema     int
	Tier       string
	LostEvents int `json:"lost_events"`
	Groups     []tracedGroup
}

type tracedGroup struct {
	PID                      int
	Command, Destination     string
	Connections, Open, Reset int
	ClosedByUs               int `json:"closed_by_us"`
	ClosedByPeer             int `json:"closed_by_peer"`
	Failed                   map[string]int
	Requests                 float64 `json:"requests_per_connection"`
	Sites                    []tracedSite
	SitesMissing             string         `json:"sites_missing"`
	CloseReasons             map[string]int `json:"close_reasons"`
	Verdict                  struct{ Code, What string }
}

type tracedSite struct {
	Function, File          string
	Line                    int
	Connections, Transports int
	Stack                   []string
}

// A want is what must be seen of a client. Shares are of all connections, and at least nine of ten.
type want struct {
	connections [2]int // least and most
	requests    [2]float64
	closer      string // us, peer, reset, open; several may share it
	site        string
	transports  [2]int
	reason      string
	verdict     string
}

// Where a number has a range, it is net/http that may dial once more, or berth that may miss a change of a socket's
// state while it looks at another one, which it says.

// goClients are the eight of the design's facts, and more, with 400 requests each, the good one with 2,000.
// (Over TLS a client tells the server before it closes, which may then be the first.)
var goClients = []struct {
	name string
	want
}{
	{"transport-per-call", want{[2]int{395, 420}, [2]float64{1, 1}, "open", "main.fetchNewTransport", [2]int{385, 420}, "", "transport-per-call"}},
	{"close-idle", want{[2]int{395, 420}, [2]float64{1, 1}, "us", "main.fetchCloseIdle", [2]int{50, 420}, "http: CloseIdleConnections called", "transport-per-call"}},
	{"close-idle-shared", want{[2]int{395, 420}, [2]float64{1, 1}, "us", "main.fetchCloseIdleShared", [2]int{1, 1}, "http: CloseIdleConnections called", "close-idle"}},
	{"default-pool", want{[2]int{200, 420}, [2]float64{1, 2}, "us", "main.fetchDefaultPool", [2]int{1, 1}, "http: putIdleConn: too many idle connections for host", "pool-too-small"}},
	{"not-drained", want{[2]int{395, 420}, [2]float64{1, 1}, "reset us", "main.fetchNotDrained", [2]int{1, 1}, "http: persistConn.readLoop exiting", "body-not-read"}},
	{"no-keepalive", want{[2]int{395, 420}, [2]float64{1, 1}, "peer us", "main.fetchNoKeepAlive", [2]int{1, 1}, "http: persistConn.readLoop exiting", "keepalives-disabled"}},
	{"timeout", want{[2]int{300, 420}, [2]float64{0.7, 1}, "us", "main.fetchTimeout", [2]int{1, 1}, "net/http: request canceled", "requests-cancelled"}},
	{"good", want{[2]int{18, 40}, [2]float64{50, 112}, "open", "main.fetchGood", [2]int{1, 1}, "", "reused"}},
	{"tls", want{[2]int{200, 420}, [2]float64{2, 5}, "us peer", "main.fetchTLS", [2]int{1, 1}, "http: putIdleConn: too many idle connections for host", "pool-too-small"}},
	{"http2", want{[2]int{395, 410}, [2]float64{3, 20}, "us peer open reset", "main.fetchHTTP2", [2]int{50, 400}, "", "transport-per-call"}},
	{"raw-dial", want{[2]int{395, 410}, [2]float64{1, 1}, "reset us", "main.fetchRaw", [2]int{0, 0}, "", "dial-per-call"}},
}

// TestTraceGo traces programs that were built as usual, and without symbols.
func TestTraceGo(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		s := newTraceServer(t)
		builds := []string{"", "-s -w"}
		if raceEnabled {
			builds = builds[:1] // what is traced is not what is looked at for races
		}
		for _, strip := range builds {
			program := build(t, "./testdata/clients", strip)
			for _, tt := range goClients {
				t.Run(tt.name+" "+strip, func(t *testing.T) {
					url := s.url
					if tt.name == "tls" || tt.name == "http2" {
						url = s.tls
					}
					tt.want.check(t, traceCommandOf(t, program, tt.name, url, "400"))
				})
			}
		}
	})
}

// TestTraceReleases traces a program that was built with each release of Go that there are layouts for.
func TestTraceReleases(t *testing.T) {
	if raceEnabled {
		t.Skip("what is traced is not what is looked at for races")
	}
	netlab.NeedRoot(t)
	programs := map[string]string{}
	for _, release := range []string{"go1.22.12", "go1.23.12", "go1.24.13", "go1.25.7"} {
		programs[release] = buildWith(t, release)
	}
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		s := newTraceServer(t)
		for release, program := range programs {
			for _, tt := range goClients {
				if slices.Contains([]string{"default-pool", "timeout", "no-keepalive", "close-idle"}, tt.name) {
					t.Run(release+" "+tt.name, func(t *testing.T) {
						tt.want.check(t, traceCommandOf(t, program, tt.name, s.url, "400"))
					})
				}
			}
		}
	})
}

// TestTraceBerth: berth.Transport says as much of itself.
func TestTraceBerth(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		s := newTraceServer(t)
		w := want{[2]int{200, 420}, [2]float64{1, 2}, "us", "main.fetch", [2]int{1, 1}, "too many idle connections for host", "pool-too-small"}
		w.check(t, traceCommandOf(t, build(t, "./testdata/berthclient", ""), s.url, "400"))
	})
}

// TestTraceForeign traces what is not Go.
func TestTraceForeign(t *testing.T) {
	if raceEnabled {
		t.Skip("what is traced is not what is looked at for races")
	}
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		s := newTraceServer(t)
		dir := t.TempDir()
		needs(t, "gcc", "-O2", "-fno-omit-frame-pointer", "-o", filepath.Join(dir, "orders"), "testdata/foreign/client.c")
		needs(t, "javac", "-d", dir, "testdata/foreign/Client.java")
		needs(t, "node", "--version")
		perRequest := want{connections: [2]int{197, 203}, requests: [2]float64{1, 1}, closer: "us", verdict: "one-connection-a-request"}
		// A program in C that did less would have ended before anybody could look at it, and of more its stacks are a sample.
		many := want{connections: [2]int{990, 1003}, requests: [2]float64{1, 1}, closer: "us", verdict: "one-connection-a-request"}
		leaks := want{connections: [2]int{197, 203}, requests: [2]float64{1, 1}, closer: "open", verdict: "connection-leak"}
		shared := want{connections: [2]int{1, 2}, requests: [2]float64{100, 200}, closer: "open", verdict: "reused"}
		java := []string{"java", "-cp", dir, "-XX:+PreserveFramePointer", "-XX:TieredStopAtLevel=1", "-Xcomp", "Client", s.url, "200"}
		tests := []struct {
			name    string
			command []string
			want
			site string
		}{
			{"C", []string{filepath.Join(dir, "orders"), s.port, "1000"}, many, "fetch_order"},
			{"node, an agent a request", []string{"node", "--perf-basic-prof", "--interpreted-frames-native-stack", "testdata/foreign/client.js", s.port, "200"}, perRequest, ""},
			{"node, one agent", []string{"node", "testdata/foreign/client.js", s.port, "200", "shared"}, shared, ""},
			{"java, HttpURLConnection", append(slices.Clone(java), "url", "perfmap"), perRequest, "Client.fetchOrder"},
			{"java, an HttpClient a request", append(slices.Clone(java), "new"), leaks, ""},
			{"java, one HttpClient", append(slices.Clone(java), "shared"), shared, ""},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				tt.want.site = tt.site
				g := traceCommandOf(t, tt.command...)
				tt.want.check(t, g)
				os.Remove(fmt.Sprintf("/tmp/perf-%d.map", g.PID))
			})
		}
		for _, log := range must(filepath.Glob("isolate-*-v8.log")) {
			os.Remove(log) // of node --perf-basic-prof
		}
	})
}

// TestTraceNoPort: connects that fail for want of a port have no counter in the kernel.
func TestTraceNoPort(t *testing.T) {
	netlab.Run(t, netlab.Config{Range: netlab.Range{Lo: 33000, Hi: 33099}}, func(t *testing.T) {
		netlab.NeedRoot(t)
		s := newTraceServer(t)
		g := traceCommandOf(t, build(t, "./testdata/clients", ""), "close-idle-shared", s.url, "150")
		// net.Dial tries three times where no port is left.
		failed := g.Failed["EADDRNOTAVAIL"]
		if g.Connections < 97 || g.Connections > 100 || failed < 3*48 || failed > 3*50 || !strings.Contains(g.Verdict.What, "no local port was free") {
			t.Errorf("%d connections, failed %v, verdict %q", g.Connections, g.Failed, g.Verdict.What)
		}
	})
}

// TestTraceRefused: a connect that the other side refused is told from one that found no port.
func TestTraceRefused(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		g := traceCommandOf(t, build(t, "./testdata/clients", ""), "raw-dial", "http://127.0.0.1:9/", "4000")
		if g.Connections != 0 || g.Failed["ECONNREFUSED"] < 3980 || len(g.Failed) != 1 || g.Verdict.Code != "connects-fail" || !strings.Contains(g.Verdict.What, "nobody listens there") {
			t.Errorf("%d connections, failed %v, verdict %q", g.Connections, g.Failed, g.Verdict.What)
		}
		if len(g.Sites) == 0 || g.Sites[0].Function != "main.fetchRaw" {
			t.Errorf("opened by %v", g.Sites)
		}
	})
}

// TestTraceGivenUp: a connect that nobody answers, and that its owner closes, has not failed for want of a port.
func TestTraceGivenUp(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		addr := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 9983}
		if err := errors.Join(syscall.Bind(fd, addr), syscall.Listen(fd, 0)); err != nil {
			t.Fatal(err)
		}
		filler, err := net.Dial("tcp", "127.0.0.1:9983") // all that its queue has room for
		if err != nil {
			t.Fatal(err)
		}
		defer filler.Close()
		g := traceCommandOf(t, build(t, "./testdata/clients", ""), "give-up", "http://127.0.0.1:9983/", "20")
		if g.Connections != 0 || g.Failed["ECANCELED"] < 18 || len(g.Failed) != 1 || !strings.Contains(g.Verdict.What, "given up") {
			t.Errorf("%d connections, failed %v, verdict %q", g.Connections, g.Failed, g.Verdict.What)
		}
	})
}

// needs runs a tool, without which the test cannot be.
func needs(t *testing.T, name string, args ...string) {
	t.Helper()
	if _, err := osexec.LookPath(name); err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if out, err := osexec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func must[T any](v T, _ error) T { return v }

func build(t *testing.T, folder, ldflags string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "orders")
	needs(t, "go", "build", "-ldflags="+ldflags, "-o", program, folder)
	return program
}

// buildWith builds the clients with another release of Go, which the go command downloads.
func buildWith(t *testing.T, release string) string {
	t.Helper()
	dir := t.TempDir()
	source, err := os.ReadFile("testdata/clients/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"main.go": string(source), "go.mod": "module orders\n\ngo 1.22\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := osexec.Command("go", "build", "-o", "orders", ".")
	c.Dir, c.Env = dir, append(os.Environ(), "GOTOOLCHAIN="+release, "GOWORK=off", "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "true" {
			t.Skipf("%s: %v\n%s", release, err, out)
		}
		t.Fatalf("%s: %v\n%s", release, err, out)
	}
	return filepath.Join(dir, "orders")
}

// A traceServer is what the clients fetch from.
type traceServer struct{ url, tls, port string }

func newTraceServer(t *testing.T) *traceServer {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("x"), 100)) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("x"), 100_000)) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	mux.Handle("/burst", &barrier{n: 20})
	plain := &http.Server{Handler: mux}
	ln := listenAt(t, "127.0.0.1:9981")
	go plain.Serve(ln)
	secure := httptest.NewUnstartedServer(mux)
	secure.Listener.Close()
	secure.Listener = listenAt(t, "127.0.0.1:9982")
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(func() { plain.Close(); secure.Close() })
	return &traceServer{url: "http://127.0.0.1:9981/", tls: secure.URL + "/", port: "9981"}
}

// listenAt listens outside of the range that ports are connected from.
func listenAt(t *testing.T, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// A barrier answers requests when n of them are there.
type barrier struct {
	n       int
	mu      sync.Mutex // guards waiting
	waiting []chan bool
}

func (b *barrier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	here := make(chan bool)
	b.mu.Lock()
	b.waiting = append(b.waiting, here)
	if len(b.waiting) == b.n {
		for _, other := range b.waiting {
			close(other)
		}
		b.waiting = nil
	}
	b.mu.Unlock()
	select {
	case <-here:
	case <-r.Context().Done():
	}
	w.Write([]byte("ok"))
}

// traceCommandOf runs berth trace -- command, and returns what it says of the one destination.
func traceCommandOf(t *testing.T, command ...string) tracedGroup {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := exec(context.Background(), append([]string{"trace", "--json", "--"}, command...), strings.NewReader(""), &stdout, &stderr)
	if code != exitOK || !strings.Contains(stdout.String(), "done") {
		t.Fatalf("exit code %d, %s\n%s", code, stdout.String(), stderr.String())
	}
	r := decodeTrace(t, stderr.Bytes())
	if r.Tier != "ebpf" || len(r.Groups) != 1 || r.LostEvents > 20 {
		t.Fatalf("got\n%s", stderr.String())
	}
	return r.Groups[0]
}

func decodeTrace(t *testing.T, b []byte) (r traced) {
	t.Helper()
	if i := bytes.IndexByte(b, '{'); i > 0 {
		b = b[i:] // what the command wrote to stderr
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return r
}

func (w *want) check(t *testing.T, g tracedGroup) {
	t.Helper()
	within := func(what string, got, least, most float64) {
		t.Helper()
		if got < least-0.05 || got > most+0.05 {
			t.Errorf("%s: %v, want %v to %v", what, got, least, most)
		}
	}
	within("connections", float64(g.Connections), float64(w.connections[0]), float64(w.connections[1]))
	within("requests a connection", g.Requests, w.requests[0], w.requests[1])
	by := map[string]int{"us": g.ClosedByUs, "peer": g.ClosedByPeer, "reset": g.Reset, "open": g.Open}
	n := 0
	for who := range strings.FieldsSeq(w.closer) {
		n += by[who]
	}
	if sum := g.ClosedByUs + g.ClosedByPeer + g.Reset + g.Open; sum != g.Connections || 10*n < 9*g.Connections {
		t.Errorf("closed by %v of %d, want %s", by, g.Connections, w.closer)
	}
	if g.Verdict.Code != w.verdict {
		t.Errorf("verdict %q, want %q", g.Verdict, w.verdict)
	}
	if w.reason != "" && 10*g.CloseReasons[w.reason] < 8*g.Connections {
		t.Errorf("reasons %v, want %q", g.CloseReasons, w.reason)
	}
	if w.site == "" {
		return
	}
	if len(g.Sites) == 0 || g.Sites[0].Function != w.site || 10*g.Sites[0].Connections < 9*g.Connections {
		t.Fatalf("opened by %+v, want %s", g.Sites, w.site)
	}
	within("transports", float64(g.Sites[0].Transports), float64(w.transports[0]), float64(w.transports[1]))
	if strings.HasPrefix(w.site, "main.") {
		if s := g.Sites[0]; filepath.Base(s.File) != "main.go" || s.Line == 0 {
			t.Errorf("opened at %s:%d", s.File, s.Line)
		}
	}
}
