package berth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth"
)

// names is a Resolver whose answers a test can change.
type names struct {
	mu    sync.Mutex
	more  sync.Cond // asked has grown
	ips   []netip.Addr
	err   error
	asked int
}

func newNames(ips ...string) *names {
	n := new(names)
	n.more.L = &n.mu
	n.set(ips...)
	return n
}

func (n *names) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	n.more.Broadcast()
	if network != "ip" || host != "many.test" {
		return nil, errors.New("asked for " + network + " of " + host)
	}
	return slices.Clone(n.ips), n.err
}

func (n *names) set(ips ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ips = nil
	for _, ip := range ips {
		n.ips = append(n.ips, netip.MustParseAddr(ip))
	}
}

// await returns when the Resolver was asked n times more.
func (n *names) await(more int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for until := n.asked + more; n.asked < until; {
		n.more.Wait()
	}
}

// A crowd is a server on all addresses of the machine, of which 127.0.0.0/8 are
// many. It answers when it is told to, and knows who spoke to which of them.
type crowd struct {
	url   string
	mu    sync.Mutex
	conns map[string]int // open ones, by the address that was dialed
	from  map[string]int // by the address that dialed
	hold  chan struct{}  // requests to /hold wait for its end
	held  chan struct{}  // has one value for each that does
}

func serveCrowd(t *testing.T) *crowd {
	ln, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s := &crowd{url: "http://many.test:" + port, hold: make(chan struct{}), held: make(chan struct{}, 4000)}
	s.conns, s.from = map[string]int{}, map[string]int{}
	srv := &http.Server{Handler: s, ConnState: s.count}
	done := make(chan struct{})
	go func() { srv.Serve(ln); close(done) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return s
}

func (s *crowd) count(c net.Conn, state http.ConnState) {
	to, _, _ := net.SplitHostPort(c.LocalAddr().String())
	from, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[to]++
		s.from[from]++
	case http.StateClosed:
		s.conns[to]--
		s.from[from]--
	}
}

func (s *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/hold" {
		s.held <- struct{}{}
		<-s.hold
	}
	to, _, _ := net.SplitHostPort(r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
	io.WriteString(w, to)
}

// during holds n requests at once, and calls f meanwhile.
func (s *crowd) during(t *testing.T, rt http.RoundTripper, n int, f func()) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { get(t, rt, s.url+"/hold") })
	}
	for range n {
		<-s.held
	}
	f()
	close(s.hold)
	wg.Wait()
	s.hold = make(chan struct{})
}

func (s *crowd) wantConns(t *testing.T, want map[string]int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := maps.Clone(s.conns); !maps.Equal(got, want) {
		t.Errorf("there are %v connections, want %v", got, want)
	}
}

func TestDialsAreBalanced(t *testing.T) {
	s, dns := serveCrowd(t), newNames("127.0.0.2", "127.0.0.3", "127.0.0.4")
	tr := &berth.Transport{Resolver: dns}
	defer tr.Close()
	s.during(t, tr, 9, func() {
		s.wantConns(t, map[string]int{"127.0.0.2": 3, "127.0.0.3": 3, "127.0.0.4": 3})
	})
}

func TestDialsTakeTurns(t *testing.T) {
	s, dns := serveCrowd(t), newNames("127.0.0.2", "127.0.0.3", "127.0.0.4")
	tr := &berth.Transport{Resolver: dns, DisableKeepAlives: true}
	defer tr.Close()
	var got []string
	for range 6 {
		got = append(got, get(t, tr, s.url))
	}
	if slices.Sort(got[:3]); !slices.Equal(got[:3], []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"}) {
		t.Errorf("three dials went to %v", got[:3])
	}
	if slices.Sort(got[3:]); !slices.Equal(got[:3], got[3:]) {
		t.Errorf("the next three dials went to %v", got[3:])
	}
}

// A dead address costs each dial that tries it a connect: only the first does.
func TestAnAddressThatIsDownIsLeftAlone(t *testing.T) {
	s, dns := serveCrowd(t), newNames("127.0.0.2", "127.0.0.3")
	var mu sync.Mutex
	tried := map[string]int{}
	tr := &berth.Transport{Resolver: dns, Control: func(_, addr string, _ syscall.RawConn) error {
		host, _, _ := net.SplitHostPort(addr)
		mu.Lock()
		defer mu.Unlock()
		tried[host]++
		if host == "127.0.0.2" {
			return syscall.ECONNREFUSED
		}
		return nil
	}}
	defer tr.Close()
	get(t, tr, s.url)
	s.during(t, tr, 5, func() { s.wantConns(t, map[string]int{"127.0.0.3": 5}) })
	if tried["127.0.0.2"] > 2 { // its pause of a second may be over once
		t.Errorf("the address that refuses was dialed %d times", tried["127.0.0.2"])
	}
}

func TestConnectionsToAnAddressThatLeftDrain(t *testing.T) {
	s, dns := serveCrowd(t), newNames("127.0.0.2", "127.0.0.3")
	closed := make(chan berth.CloseEvent, 10)
	tr := &berth.Transport{
		Resolver: dns, ResolveInterval: 20 * time.Millisecond,
		Events: &berth.Events{Closed: func(e berth.CloseEvent) { closed <- e }},
	}
	defer tr.Close()
	s.during(t, tr, 4, func() {})
	s.during(t, tr, 4, func() {
		dns.set("127.0.0.3", "127.0.0.4")
		dns.await(2) // what the first says is known when the second is asked for
		if len(closed) > 0 {
			t.Errorf("closed, though a request has it: %+v", <-closed)
		}
	})
	left := func(n int) {
		t.Helper()
		for range n {
			if e := <-closed; e.Why != "address left the host's name" {
				t.Errorf("closed: %+v", e)
			}
		}
	}
	left(2)
	if s := tr.Stats(); s.Closed.Moved != 2 || s.Idle != 2 {
		t.Errorf("stats are %+v", s)
	}
	dns.set("127.0.0.4") // idle ones go by themselves
	left(2)
}

// A name that can't be looked up for a while changes nothing for those that have
// connections.
func TestAFailedLookUpLeavesConnections(t *testing.T) {
	s, dns := serveCrowd(t), newNames("127.0.0.2")
	tr := &berth.Transport{Resolver: dns, ResolveInterval: 10 * time.Millisecond}
	defer tr.Close()
	get(t, tr, s.url)
	dns.mu.Lock()
	dns.err = errors.New("no name server")
	dns.mu.Unlock()
	dns.await(2)
	get(t, tr, s.url)
	if s := tr.Stats(); s.Dials != 1 || s.Closed.Moved != 0 {
		t.Errorf("stats are %+v", s)
	}
}

func TestALookUpThatFails(t *testing.T) {
	s, dns := serveCrowd(t), newNames()
	dns.err = &net.DNSError{Err: "no such host", Name: "many.test", IsNotFound: true}
	tr := &berth.Transport{Resolver: dns}
	defer tr.Close()
	for _, want := range []string{"dial tcp: lookup many.test: no such host", "dial tcp: lookup many.test: no address"} {
		_, err := tr.RoundTrip(httptest.NewRequest("GET", s.url, nil))
		if err == nil || err.Error() != want {
			t.Errorf("the error is %q, want %q", err, want)
		}
		dns.err = nil // and no address
		tr.CloseIdleConnections()
	}
}

// Close ends a look-up that no request waits for.
func TestCloseEndsALookUp(t *testing.T) {
	s := serveCrowd(t)
	began, ended := make(chan struct{}, 10), make(chan error, 10)
	answers := []netip.Addr{netip.MustParseAddr("127.0.0.2")}
	var asked atomic.Int32
	tr := &berth.Transport{ResolveInterval: time.Millisecond, Resolver: resolverFunc(func(ctx context.Context) ([]netip.Addr, error) {
		if asked.Add(1) == 1 {
			return answers, nil
		}
		began <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})}
	get(t, tr, s.url)
	<-began
	tr.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

type resolverFunc func(ctx context.Context) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	return f(ctx)
}

// The addresses of the other family have their turn when the first ones take
// long, or fail.
func TestHappyEyeballs(t *testing.T) {
	s, dns := serveCrowd(t), newNames("::1", "127.0.0.2", "127.0.0.3")
	for name, first := range map[string]func(stuck chan struct{}) error{
		"long":  func(stuck chan struct{}) error { <-stuck; return syscall.ECONNREFUSED },
		"fails": func(chan struct{}) error { return syscall.ECONNREFUSED },
	} {
		t.Run(name, func(t *testing.T) {
			stuck := make(chan struct{})
			tr := &berth.Transport{Resolver: dns, Control: func(network, _ string, _ syscall.RawConn) error {
				if network == "tcp6" {
					return first(stuck)
				}
				return nil
			}}
			defer tr.Close()
			defer close(stuck)
			if got := get(t, tr, s.url); !strings.HasPrefix(got, "127.0.0.") {
				t.Errorf("reached it at %s", got)
			}
		})
	}
}

// The slower of two families has its connection closed.
func TestHappyEyeballsKeepsOne(t *testing.T) {
	s, dns := serveCrowd(t), newNames("::1", "127.0.0.2")
	other := make(chan struct{})
	tr := &berth.Transport{Resolver: dns, Control: func(network, _ string, _ syscall.RawConn) error {
		if network == "tcp4" {
			close(other)
			return nil
		}
		<-other // which is after the delay
		return nil
	}}
	get(t, tr, s.url)
	if open := tr.Stats().Open; open != 1 {
		t.Errorf("%d connections are open", open)
	}
	tr.Close()
}

func TestTraceOfALookUp(t *testing.T) {
	s, dns := serveCrowd(t), newNames("127.0.0.2")
	tr := &berth.Transport{Resolver: dns}
	defer tr.Close()
	var got []string
	note := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	trace := &httptrace.ClientTrace{
		DNSStart: func(i httptrace.DNSStartInfo) { note("look up %s", i.Host) },
		DNSDone:  func(i httptrace.DNSDoneInfo) { note("found %v, %v", i.Addrs, i.Err) },
		ConnectStart: func(_, addr string) {
			note("connect to %s", strings.Replace(addr, s.url[len("http://many.test"):], ":p", 1))
		},
		ConnectDone: func(_, _ string, err error) { note("connected, %v", err) },
		GotConn:     func(httptrace.GotConnInfo) { note("got it") },
	}
	req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", s.url, nil)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want := []string{"look up many.test", "found [{127.0.0.2 }], <nil>", "connect to 127.0.0.2:p", "connected, <nil>", "got it"}
	if !slices.Equal(got, want) {
		t.Errorf("traced %q, want %q", got, want)
	}
}

func TestLocalAddrs(t *testing.T) {
	s, dns := serveCrowd(t), newNames("127.0.0.2", "::1")
	local := []netip.Addr{netip.MustParseAddr("127.0.0.7"), netip.MustParseAddr("127.0.0.8"), netip.MustParseAddr("127.0.0.9")}
	tr := &berth.Transport{Resolver: dns, LocalAddrs: local}
	defer tr.Close()
	s.during(t, tr, 9, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if want := map[string]int{"127.0.0.7": 3, "127.0.0.8": 3, "127.0.0.9": 3}; !maps.Equal(s.from, want) {
			t.Errorf("there are connections from %v, want %v", s.from, want)
		}
	})
}

func TestLocalAddrsThatCannotBe(t *testing.T) {
	dns := newNames("127.0.0.2")
	s := serveCrowd(t)
	dial := new(net.Dialer).DialContext
	for _, tt := range []struct {
		tr   *berth.Transport
		want string
	}{
		{&berth.Transport{LocalAddrs: []netip.Addr{{}}}, "berth: LocalAddrs has invalid IP, which is not an address to dial from"},
		{&berth.Transport{LocalAddrs: []netip.Addr{netip.IPv4Unspecified()}}, "berth: LocalAddrs has 0.0.0.0, which is not an address to dial from"},
		{&berth.Transport{LocalAddrs: []netip.Addr{netip.MustParseAddr("127.0.0.7")}, DialContext: dial}, "berth: LocalAddrs is set together with a dial function: they would never be used"},
		{&berth.Transport{LocalAddrs: []netip.Addr{netip.MustParseAddr("::1")}}, "dial tcp: LocalAddrs has no address to reach [127.0.0.2] from"},
		{&berth.Transport{LocalAddrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}, "dial tcp 192.0.2.1:0->127.0.0.2" + s.url[len("http://many.test"):] + ": bind: cannot assign requested address"},
	} {
		tt.tr.Resolver = dns
		_, err := tt.tr.RoundTrip(httptest.NewRequest("GET", s.url, nil))
		if err == nil || err.Error() != tt.want {
			t.Errorf("the error is %q, want %q", err, tt.want)
		}
		tt.tr.Close()
	}
}

// NewClientConn is outside of the pool, and dials as it does.
func TestNewClientConnFromALocalAddr(t *testing.T) {
	s, dns := serveCrowd(t), newNames("127.0.0.2")
	tr := &berth.Transport{Resolver: dns, LocalAddrs: []netip.Addr{netip.MustParseAddr("127.0.0.7")}}
	cc, err := tr.NewClientConn(t.Context(), "http", s.url[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	get(t, cc, "http://many.test") // it is accepted by then
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.from["127.0.0.7"] != 1 {
		t.Errorf("there are connections from %v", s.from)
	}
}

// An address that accepts connections, and closes them, is left alone as one that
// does not: or it would have the fewest, and each dial.
func TestAnAddressThatCannotBeSpokenTo(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hi") }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	bad, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := bad.Accept()
			if err != nil {
				return
			}
			accepted++
			c.Close()
		}
	}()
	dns := newNames("127.0.0.1", "127.0.0.2")
	tr := &berth.Transport{Resolver: dns, DisableKeepAlives: true, TLSClientConfig: srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()}
	tr.TLSClientConfig.ServerName = "example.com"
	failed := 0
	for range 20 {
		resp, err := tr.RoundTrip(httptest.NewRequest("GET", "https://many.test:"+port, nil))
		if err != nil {
			failed++
			continue
		}
		resp.Body.Close()
	}
	tr.Close()
	bad.Close()
	<-done
	if failed == 0 || failed > 3 || accepted != failed {
		t.Errorf("%d of 20 requests failed, and the address was dialed %d times; want one or two", failed, accepted)
	}
}

func TestALocalAddrThatIsGone(t *testing.T) {
	s := serveCrowd(t)
	tr := &berth.Transport{LocalAddrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("127.0.0.7")}}
	defer tr.Close()
	s.url = strings.Replace(s.url, "many.test", "127.0.0.2", 1)
	s.during(t, tr, 3, func() { s.wantConns(t, map[string]int{"127.0.0.2": 3}) })
}

// The error is that of the family which was tried first.
func TestHappyEyeballsFail(t *testing.T) {
	dns := newNames("127.0.0.2", "::1")
	other := make(chan struct{})
	tr := &berth.Transport{Resolver: dns, Control: func(network, _ string, _ syscall.RawConn) error {
		if network == "tcp6" {
			defer close(other)
			return syscall.ENETUNREACH
		}
		<-other
		return syscall.ECONNREFUSED
	}}
	defer tr.Close()
	_, err := tr.RoundTrip(httptest.NewRequest("GET", "http://many.test:80", nil))
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the error is %v, want the first family's", err)
	}
}
