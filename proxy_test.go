package berth_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth"
	"github.com/berth-go/berth/internal/fakenet"
)

// A testProxy is an HTTP proxy that forwards and tunnels, and notes what it was
// asked for.
type testProxy struct {
	conns atomic.Int64

	mu    sync.Mutex
	asked []string // method, target, credentials
}

func (p *testProxy) note(r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+r.Header.Get("Proxy-Authorization")))
}

func (p *testProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.note(r)
	if r.Method != "CONNECT" {
		r.RequestURI = ""
		r.Header.Del("Proxy-Authorization")
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
		return
	}
	out, err := net.Dial("tcp", r.RequestURI)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	in, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		out.Close()
		return
	}
	splice(buf.Reader, in, out)
}

// splice joins two connections; from is what comes out of in.
func splice(from io.Reader, in, out net.Conn) {
	done := make(chan bool, 2)
	go func() { io.Copy(out, from); done <- true }()
	go func() { io.Copy(in, out); done <- true }()
	<-done
	in.Close()
	out.Close()
	<-done
}

// listenProxy returns the URL of a proxy of the scheme.
func listenProxy(t *testing.T, scheme string) (*url.URL, *testProxy) {
	p := new(testProxy)
	if strings.HasPrefix(scheme, "socks5") {
		return listenSOCKS(t, scheme, p), p
	}
	srv := httptest.NewUnstartedServer(p)
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			p.conns.Add(1)
		}
	}
	if scheme == "https" {
		srv.EnableHTTP2 = true // which nobody is to ask for
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, p
}

// listenSOCKS is a SOCKS5 proxy that wants a password where the URL has one.
func listenSOCKS(t *testing.T, scheme string, p *testProxy) *url.URL {
	li, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { li.Close() })
	go func() {
		for {
			nc, err := li.Accept()
			if err != nil {
				return
			}
			p.conns.Add(1)
			go p.serveSOCKS(nc)
		}
	}()
	return &url.URL{Scheme: scheme, Host: li.Addr().String()}
}

func (p *testProxy) serveSOCKS(nc net.Conn) {
	defer nc.Close()
	br := bufio.NewReader(nc)
	b := make([]byte, 512)
	io.ReadFull(br, b[:2])
	n := int(b[1])
	io.ReadFull(br, b[:n])
	login := ""
	if n == 2 {
		nc.Write([]byte{5, 2})
		io.ReadFull(br, b[:2])
		user := make([]byte, b[1])
		io.ReadFull(br, user)
		io.ReadFull(br, b[:1])
		password := make([]byte, b[0])
		io.ReadFull(br, password)
		login = string(user) + ":" + string(password)
		nc.Write([]byte{1, 0})
	} else {
		nc.Write([]byte{5, 0})
	}
	io.ReadFull(br, b[:5])
	host := make([]byte, 4)
	if b[3] == 3 {
		host = make([]byte, b[4])
		io.ReadFull(br, host)
	} else {
		host[0] = b[4]
		io.ReadFull(br, host[1:])
		host = []byte(net.IP(host).String())
	}
	io.ReadFull(br, b[:2])
	target := net.JoinHostPort(string(host), fmt.Sprint(int(b[0])<<8|int(b[1])))
	p.note(&http.Request{Method: "SOCKS", RequestURI: target, Header: http.Header{"Proxy-Authorization": {login}}})
	out, err := net.Dial("tcp", target)
	if err != nil {
		nc.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	nc.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	splice(br, nc, out)
}

// listenTarget is a server that says how it was spoken to.
func listenTarget(t *testing.T, scheme string, http2 bool) *httptest.Server {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	if scheme == "https" {
		srv.EnableHTTP2 = http2
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}

func TestProxies(t *testing.T) {
	for _, scheme := range []string{"http", "https", "socks5", "socks5h"} {
		for _, target := range []struct {
			scheme, proto string
			http2         bool
		}{{"http", "HTTP/1.1", false}, {"https", "HTTP/1.1", false}, {"https", "HTTP/2.0", true}} {
			for _, user := range []*url.Userinfo{nil, url.UserPassword("me", "secret")} {
				t.Run(fmt.Sprintf("%s/%s %s/login %v", scheme, target.scheme, target.proto, user != nil), func(t *testing.T) {
					srv := listenTarget(t, target.scheme, target.http2)
					proxyURL, proxy := listenProxy(t, scheme)
					proxyURL.User = user
					tr := &berth.Transport{
						Proxy:             http.ProxyURL(proxyURL),
						TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
						ForceAttemptHTTP2: true,
					}
					defer tr.Close()
					for range 3 {
						if proto := get(t, tr, srv.URL+"/x"); proto != target.proto {
							t.Errorf("the server was spoken to in %s, want %s", proto, target.proto)
						}
					}
					if n := proxy.conns.Load(); n != 1 {
						t.Errorf("%d connections to the proxy, want 1", n)
					}
					checkAsked(t, proxy, srv, target.scheme, scheme, user != nil)
					checkHostName(t, tr, srv, target.scheme, proxyURL)
				})
			}
		}
	}
}

func checkAsked(t *testing.T, p *testProxy, srv *httptest.Server, target, proxy string, login bool) {
	addr := srv.Listener.Addr().String()
	want, n, auth := "CONNECT "+addr, 1, " Basic bWU6c2VjcmV0"
	switch {
	case strings.HasPrefix(proxy, "socks5"):
		want, auth = "SOCKS "+addr, " me:secret"
	case target == "http":
		want, n = "GET http://"+addr+"/x", 3
	}
	if login {
		want += auth
	}
	if len(p.asked) != n || p.asked[0] != want {
		t.Errorf("the proxy was asked for %q, want %d times %q", p.asked, n, want)
	}
}

// The password is in no name.
func checkHostName(t *testing.T, tr *berth.Transport, srv *httptest.Server, target string, proxy *url.URL) {
	want := target + "://" + srv.Listener.Addr().String()
	if target == "http" && strings.HasPrefix(proxy.Scheme, "http") {
		want = "http://*"
	}
	want += " via " + proxy.Redacted()
	hosts := tr.Stats().Hosts
	if _, ok := hosts[want]; !ok || len(hosts) != 1 {
		t.Errorf("the hosts are %v, want %s", hosts, want)
	}
}

// Connections to a proxy that forwards go to any host.
func TestForwardingProxyIsSharedByHosts(t *testing.T) {
	a, b := listenTarget(t, "http", false), listenTarget(t, "http", false)
	proxyURL, proxy := listenProxy(t, "http")
	tr := &berth.Transport{Proxy: http.ProxyURL(proxyURL)}
	defer tr.Close()
	get(t, tr, a.URL)
	get(t, tr, b.URL)
	if n := proxy.conns.Load(); n != 1 {
		t.Errorf("%d connections to the proxy, want 1", n)
	}
}

// A WebSocket over https is asked for in HTTP/1, on a connection of its own.
func TestWebSocketBesideHTTP2(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			io.WriteString(w, r.Proto)
			return
		}
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		nc, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		line, _ := buf.ReadString('\n')
		io.WriteString(nc, "echo "+line)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	tr := &berth.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer tr.Close()
	if proto := get(t, tr, srv.URL); proto != "HTTP/2.0" {
		t.Fatalf("the server was spoken to in %s", proto)
	}
	req, _ := http.NewRequest("GET", srv.URL, nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	rw, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %s, body %T", resp.Status, resp.Body)
	}
	defer rw.Close()
	io.WriteString(rw, "hello\n")
	if answer, _ := io.ReadAll(rw); string(answer) != "echo hello\n" {
		t.Errorf("answer %q", answer)
	}
	if s := tr.Stats(); len(s.Hosts) != 1 || s.Dials != 2 || s.Upgraded != 1 {
		t.Errorf("%d hosts, %d dials, %d upgraded: want 1 host by name, 2, 1", len(s.Hosts), s.Dials, s.Upgraded)
	}
}

func TestProxyErrors(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer refuses.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	try := func(proxy string) error {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		tr := &berth.Transport{Proxy: http.ProxyURL(u)}
		defer tr.Close()
		_, err = tr.RoundTrip(httptest.NewRequest("GET", "https://127.0.0.1:1/", nil))
		return err
	}
	if err := try(refuses.URL); err == nil || err.Error() != "Proxy Authentication Required" {
		t.Errorf("a proxy that refuses: %v", err)
	}
	var op *net.OpError
	if err := try(gone.URL); !errors.As(err, &op) || op.Op != "proxyconnect" {
		t.Errorf("a proxy that is gone: %v, want an OpError of proxyconnect", err)
	}
	socks, _ := listenProxy(t, "socks5")
	if err := try(socks.String()); !errors.As(err, &op) || op.Op != "socks connect" || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("a host that is gone behind SOCKS: %v", err)
	}
}

// A proxy that does not answer is given up after a minute, by a dial that nobody
// waits for any more too.
func TestSilentProxy(t *testing.T) {
	for _, scheme := range []string{"http", "socks5"} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				li := fakenet.Listen()
				tr := &berth.Transport{
					DialContext: li.Dial,
					Proxy:       http.ProxyURL(&url.URL{Scheme: scheme, Host: "proxy.test:1"}),
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				req, _ := http.NewRequestWithContext(ctx, "GET", "https://host.test/", nil)
				go li.Accept()
				if _, err := tr.RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want the deadline", err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if s := tr.Stats(); s.Dialing != 0 {
					t.Errorf("%d dials go on", s.Dialing)
				}
				tr.Close()
				li.Close()
			})
		})
	}
}

// A noDeadline is a connection as x/crypto/ssh has it.
type noDeadline struct{ net.Conn }

func (noDeadline) SetDeadline(time.Time) error { return errors.New("deadline not supported") }

func TestSOCKSOverConnectionsWithoutDeadlines(t *testing.T) {
	srv := listenTarget(t, "http", false)
	proxyURL, _ := listenProxy(t, "socks5")
	tr := &berth.Transport{
		Proxy: http.ProxyURL(proxyURL),
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return noDeadline{c}, err
		},
	}
	defer tr.Close()
	get(t, tr, srv.URL)
}
