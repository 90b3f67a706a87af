package berth_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/berth-go/berth"
)

// What http.Client does by itself, it does over a berth.Transport: it follows
// redirects, and keeps cookies.
func Example_redirectsAndCookies() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "user", Value: r.FormValue("user")})
		http.Redirect(w, r, "/home", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /home", func(w http.ResponseWriter, r *http.Request) {
		user, err := r.Cookie("user")
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		fmt.Fprint(w, "hello ", user.Value)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()

	transport := berth.Default()
	jar, err := cookiejar.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport, Jar: jar}

	resp, err := client.PostForm(srv.URL+"/login", url.Values{"user": {"ada"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	fmt.Printf("%s %s %v\n", resp.Request.URL.Path, text, err)

	s := transport.Stats()
	fmt.Println(s.Acquired, "requests,", s.Dials, "dial,", s.Reused, "reused")
	// Output:
	// /home hello ada <nil>
	// 2 requests, 1 dial, 1 reused
}

// http.Client's own limit works, too. It cuts the connection of the exchange
// that took too long, and no other. Transport.Timeout does the same at less cost.
func Example_clientTimeout() {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done() // until the client is gone
		}
	}))
	defer srv.Close()

	transport := berth.Default()
	client := &http.Client{Transport: transport}
	get := func(path string) error {
		resp, err := client.Get(srv.URL + path)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}

	fmt.Println(get("/"))

	client.Timeout = 100 * time.Millisecond
	err := get("/slow")
	var timeout *url.Error
	fmt.Println(errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded))

	client.Timeout = 0
	fmt.Println(get("/"))

	s := transport.Stats()
	fmt.Println(s.Dials, "dials,", s.Closed.Canceled, "connection cut,", s.Idle, "idle")
	// Output:
	// <nil>
	// true true
	// <nil>
	// 2 dials, 1 connection cut, 1 idle
}

// A reverse proxy needs many connections to few servers: that is where
// http.Transport's two idle ones a host hurt most.
func Example_reverseProxy() {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "behind "+r.Header.Get("X-Forwarded-Host"))
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		fmt.Println(err)
		return
	}

	transport := berth.Default()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		Transport: transport,
	}

	front := httptest.NewServer(proxy)
	defer front.Close()
	for range 3 {
		resp, err := http.Get(front.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(string(text) == "behind "+strings.TrimPrefix(front.URL, "http://"), err)
	}

	s := transport.Stats()
	fmt.Println(s.Acquired, "requests,", s.Dials, "dial,", s.Reused, "reused")
	// Output:
	// true <nil>
	// true <nil>
	// true <nil>
	// 3 requests, 1 dial, 2 reused
}

// A proxy that says 503 when its pool is full, rather than 502 for all.
func ExampleAcquireError_reverseProxy() {
	arrived, release := make(chan bool), make(chan bool)
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- true
		<-release
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		fmt.Println(err)
		return
	}

	transport := berth.Default()
	transport.MaxConnsPerHost = 1
	transport.AcquireTimeout = 10 * time.Millisecond
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			var full *berth.AcquireError
			if errors.As(err, &full) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}

	front := httptest.NewServer(proxy)
	defer front.Close()
	defer close(release)

	go http.Get(front.URL) // has the one connection for as long as the backend likes
	<-arrived

	resp, err := http.Get(front.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, resp.Header.Get("Retry-After"))
	// Output: 503 Service Unavailable 1
}

// What the backend flushes reaches the client at once with FlushInterval -1,
// even where the length of the whole is known.
func TestReverseProxyStreams(t *testing.T) {
	seen := make(chan bool)
	p := startProxy(t, -1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "first")
		http.NewResponseController(w).Flush()
		<-seen
		io.WriteString(w, "again")
	})

	resp := p.get(t, t.Context())
	first := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("got %q, %v while the backend still writes", first, err)
	}
	close(seen)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "again" {
		t.Errorf("then %q, %v, want again", rest, err)
	}
	p.wantKept(t)
}

// A connection that is upgraded through a proxy carries both directions, and
// leaves the pools of both sides.
func TestReverseProxyUpgrades(t *testing.T) {
	ended := make(chan bool)
	p := startProxy(t, 0, func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
		rw.Flush()
		io.Copy(nc, rw)
	})

	req, _ := http.NewRequest("GET", p.url, nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Upgrade") != "echo" {
		t.Fatalf("got %s, Upgrade: %q, a body that is a %T", resp.Status, resp.Header.Get("Upgrade"), resp.Body)
	}

	lines := bufio.NewReader(conn)
	for _, want := range []string{"one\n", "two\n"} {
		if _, err := io.WriteString(conn, want); err != nil {
			t.Fatal(err)
		}
		if line, err := lines.ReadString('\n'); err != nil || line != want {
			t.Errorf("got %q, %v, want %q", line, err, want)
		}
	}
	for side, transport := range map[string]*berth.Transport{"proxy": p.transport, "client": p.client.Transport.(*berth.Transport)} {
		if s := transport.Stats(); s.Upgraded != 1 || s.Open != 0 {
			t.Errorf("%s: %d upgraded and %d open, want 1 and 0", side, s.Upgraded, s.Open)
		}
	}

	conn.Close()
	<-ended // the end of one side is the end of all
}

// Early hints and trailers pass a proxy: the former through httptrace.
func TestReverseProxyPassesHintsAndTrailers(t *testing.T) {
	p := startProxy(t, 0, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "Checksum")
		io.WriteString(w, "body")
		w.Header().Set("Checksum", "841a2d68")
	})

	var hints []string
	resp := p.get(t, httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, " ", h.Get("Link")))
			return nil
		},
	}))
	if !slices.Equal(hints, []string{"103 </style.css>"}) {
		t.Errorf("got hints %q", hints)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "body" {
		t.Errorf("got %q, %v", body, err)
	}
	if got := resp.Trailer.Get("Checksum"); got != "841a2d68" {
		t.Errorf("got trailer %q", got)
	}
	p.wantKept(t)
}

// A client that goes away takes its exchange with the backend with it.
func TestReverseProxyClientGoesAway(t *testing.T) {
	arrived, gone := make(chan bool), make(chan bool)
	p := startProxy(t, -1, func(w http.ResponseWriter, r *http.Request) {
		arrived <- true
		<-r.Context().Done()
		close(gone)
	})

	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-arrived
		leave()
	}()
	req, _ := http.NewRequestWithContext(ctx, "GET", p.url, nil)
	if _, err := p.client.Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-gone
	p.wait()
	if s := p.transport.Stats(); s.Closed.Canceled != 1 || s.Open != 0 {
		t.Errorf("%d closed since cancelled and %d open, want 1 and 0", s.Closed.Canceled, s.Open)
	}
}

// A redirect that keeps the body has it sent again, to another host's pool.
func TestRedirectSendsBodyAgain(t *testing.T) {
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	defer second.Close()
	first := httptest.NewServer(http.RedirectHandler(second.URL, http.StatusTemporaryRedirect))
	defer first.Close()

	transport := berth.Default()
	defer transport.Close()
	resp, err := (&http.Client{Transport: transport}).Post(first.URL, "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "body" {
		t.Errorf("got %q, %v", body, err)
	}
	hosts := slices.Sorted(maps.Keys(transport.Stats().Hosts))
	if want := slices.Sorted(slices.Values([]string{first.URL, second.URL})); !slices.Equal(hosts, want) {
		t.Errorf("the pool knows %q, want %q", hosts, want)
	}
}

// A proxied is a backend behind a ReverseProxy, which has a Transport of its
// own, and a client in front, which has another.
type proxied struct {
	url       string
	client    *http.Client
	transport *berth.Transport
	wait      func() // until no request is in the proxy
}

func startProxy(t *testing.T, flush time.Duration, backend http.HandlerFunc) *proxied {
	back := httptest.NewServer(backend)
	t.Cleanup(back.Close)
	target, _ := url.Parse(back.URL)

	p := &proxied{transport: berth.Default(), client: &http.Client{Transport: berth.Default()}}
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     p.transport,
		FlushInterval: flush,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, err error) { w.WriteHeader(http.StatusBadGateway) },
	})
	t.Cleanup(front.Close)
	p.url, p.wait = front.URL, front.Close
	return p
}

func (p *proxied) get(t *testing.T, ctx context.Context) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", p.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// wantKept says that the proxy has the one connection it dialed, idle again.
func (p *proxied) wantKept(t *testing.T) {
	t.Helper()
	p.wait()
	if s := p.transport.Stats(); s.Dials != 1 || s.Idle != 1 {
		t.Errorf("%d dials, %d idle, want 1 and 1", s.Dials, s.Idle)
	}
}
