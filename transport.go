package berth

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Transport is a pooled http.RoundTripper for HTTP/1.1 and HTTP/2, a drop-in for
// http.Transport: it has the same fields, which mean the same unless it says
// so here. The zero value works. Default returns one with time limits, From one
// with the configuration of an http.Transport.
//
// A Transport is to be made once and shared: it is safe for concurrent use, and
// its connections are its own. Fields may be changed between requests, not
// while one begins; a request uses them as they were when it began.
//
// It is closed with Shutdown or Close. One that is only forgotten keeps its
// idle connections until their IdleConnTimeout.
type Transport struct {
	// Proxy returns the proxy for a request: an HTTP or HTTPS proxy, or SOCKS
	// (socks5, socks5h), with the credentials that its URL has. If Proxy is nil
	// or returns a nil URL, the request is made directly. It is asked once a
	// request.
	Proxy func(*http.Request) (*url.URL, error)

	// OnProxyConnectResponse is called with a proxy's answer to CONNECT, whatever
	// its status. If it returns an error, the dial fails with it.
	OnProxyConnectResponse func(ctx context.Context, proxyURL *url.URL, connectReq *http.Request, connectRes *http.Response) error

	// DialContext makes TCP connections. If nil, as Dial, a net.Dialer does.
	// Its context has the values of the request that caused the dial, and not
	// its end: another request may use the connection.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Dial makes TCP connections if DialContext is nil.
	//
	// Deprecated: Use DialContext.
	Dial func(network, addr string) (net.Conn, error)

	// DialTLSContext makes the connections for https requests. They are taken
	// to be past their TLS handshake; TLSClientConfig and TLSHandshakeTimeout
	// are not used.
	DialTLSContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// DialTLS makes the connections for https requests if DialTLSContext is nil.
	//
	// Deprecated: Use DialTLSContext.
	DialTLS func(network, addr string) (net.Conn, error)

	// TLSClientConfig is used for TLS, nil for the default.
	TLSClientConfig *tls.Config

	// TLSHandshakeTimeout limits a TLS handshake. If zero, there is no limit.
	TLSHandshakeTimeout time.Duration

	// DisableKeepAlives uses a connection for one request only.
	DisableKeepAlives bool

	// DisableCompression stops the Transport from asking for gzip, and undoing
	// it, where the request does not say what encoding it accepts.
	DisableCompression bool

	// MaxIdleConns limits the idle connections to all hosts together. If zero,
	// there is no limit.
	MaxIdleConns int

	// MaxIdleConnsPerHost limits the idle connections to one host. If zero,
	// there is no limit: in http.Transport that means 2, and the third
	// connection is closed after every burst. If negative, none is kept.
	MaxIdleConnsPerHost int

	// MinIdleConnsPerHost is how many idle connections are kept ready for more
	// requests to a host, by dials that no request waits for: from its first request
	// or Warm on, until it has had none for IdleConnTimeout. All limits are above it.
	// Over HTTP/2, one connection with a stream to spare is enough. If zero, none.
	MinIdleConnsPerHost int

	// MaxConnsPerHost limits the connections to one host: idle, in use and
	// being dialed. Requests beyond it wait. If zero, there is no limit.
	MaxConnsPerHost int

	// IdleConnTimeout is how long a connection may be idle. If zero, it is 90
	// seconds (http.Transport: for ever); if negative, for ever.
	IdleConnTimeout time.Duration

	// ResponseHeaderTimeout limits the wait for the response's header once the
	// request and its body are written. If zero, there is no limit.
	ResponseHeaderTimeout time.Duration

	// ExpectContinueTimeout is how long the body of a request with "Expect:
	// 100-continue" waits for the server's word. If zero, it is sent at once.
	ExpectContinueTimeout time.Duration

	// TLSNextProto has functions for protocols that TLS negotiates: each is
	// given a connection, and returns what makes requests on it from then on,
	// any number at once. If the map is not nil, HTTP/2 is not used unless
	// Protocols or ForceAttemptHTTP2 say so.
	TLSNextProto map[string]func(authority string, c *tls.Conn) http.RoundTripper

	// ProxyConnectHeader is the header of a CONNECT, beside what it must have.
	ProxyConnectHeader http.Header

	// GetProxyConnectHeader returns the header for a CONNECT to target, an
	// ip:port or host:port, in place of ProxyConnectHeader.
	GetProxyConnectHeader func(ctx context.Context, proxyURL *url.URL, target string) (http.Header, error)

	// MaxResponseHeaderBytes limits a response's header. If zero, it is 10 MB.
	MaxResponseHeaderBytes int64

	// WriteBufferSize and ReadBufferSize are the sizes of a connection's
	// buffers while it is in use, in bytes. If zero, they are 4 KB. An idle
	// connection has none.
	WriteBufferSize int
	ReadBufferSize  int

	// ForceAttemptHTTP2 has HTTP/2 tried though a function that dials, or
	// TLSClientConfig, is set. Without these it is tried anyway.
	ForceAttemptHTTP2 bool

	// HTTP2 configures HTTP/2. A connection keeps what it was when its dial
	// began; so it does with DisableCompression, MaxResponseHeaderBytes,
	// ResponseHeaderTimeout and ExpectContinueTimeout.
	// StrictMaxConcurrentRequests is MaxHTTP2ConnsPerHost of 1.
	HTTP2 *http.HTTP2Config

	// Protocols is the set of protocols, nil for the default: HTTP/1, and HTTP/2
	// over TLS where nothing above is against it. With UnencryptedHTTP2 and
	// without HTTP1, http URLs are asked for in HTTP/2 by prior knowledge.
	Protocols *http.Protocols

	// The fields below are berth's own.

	// MaxConns limits the connections to all hosts together, being dialed
	// included. At the limit, an idle connection to another host makes room, and
	// after that whoever has waited longest is next, whatever its host. If zero,
	// there is no limit.
	MaxConns int

	// MaxHTTP2ConnsPerHost limits the connections to a host that has shown to
	// speak HTTP/2. Beyond it, a request waits for a stream when the server's
	// limit of these is reached. If zero, there is no limit: another connection
	// is made, as http.Transport does.
	MaxHTTP2ConnsPerHost int

	// Reuse says which of several idle connections a request gets: LIFO, the
	// zero value, or FIFO.
	Reuse Reuse

	// MaxConnRequests is how many requests a connection serves before it is
	// closed. If zero, there is no limit.
	MaxConnRequests int

	// MaxConnLifetime is how long after its dial a connection is leased to new
	// requests, less a random part of up to a tenth, so that a fleet does not
	// reconnect at once. A request that has it goes on. If zero, for ever.
	MaxConnLifetime time.Duration

	// MaxDialsPerHost limits the dials to one host that are in flight at once.
	// If zero, there is no limit.
	MaxDialsPerHost int

	// MaxWaiting limits the requests to one host that wait for a connection
	// and have no dial of their own in flight. One more fails with ErrQueueFull.
	// If zero, there is no limit.
	MaxWaiting int

	// AcquireTimeout limits the wait for a connection, with its dial and TLS
	// handshake. If zero, only the request's context does.
	AcquireTimeout time.Duration

	// DialTimeout limits one dial, name look-up included, TLS not. A function
	// that dials gets it as its context's deadline; Dial and DialTLS, which have
	// no context, can't be limited. If zero, only the system does.
	DialTimeout time.Duration

	// Timeout limits a whole exchange, from RoundTrip to the end of the
	// response's body. It is http.Client.Timeout for one request without
	// redirects, at a fraction of its cost: with a RoundTripper that is not
	// net/http's, http.Client makes a goroutine and two timers a request. If
	// zero, there is no limit.
	Timeout time.Duration

	// Events are told of what happens. If nil, nobody is, at no cost.
	Events *Events

	// Logger logs the same events: a dial that failed and a body that leaks as
	// warnings, all else for debugging. If nil, nothing is logged.
	Logger *slog.Logger

	// LeakAfter is how long a response's body may be open before Events and
	// Logger are told of it, once, and Stats counts it. One that the collector
	// finds to be nobody's has its connection recovered; without LeakAfter, that
	// is in use for ever. If zero, nobody looks.
	LeakAfter time.Duration

	// Control is called as net.Dialer.Control is, before a connection is made.
	// It can't be used together with a function that dials.
	Control func(network, address string, c syscall.RawConn) error

	// Resolver looks up the names of hosts and proxies, where the Transport dials
	// by itself. If nil, net.DefaultResolver does. Of the addresses that it finds,
	// as long as RFC 6724 prefers none, a dial takes that to which the Transport
	// has the fewest connections, and of these the one that was dialed longest ago;
	// one that could not be reached is the last to be tried for a while.
	Resolver Resolver

	// ResolveInterval is how long an answer of the Resolver is used. After that it
	// is asked again, as long as there are connections, and those to an address
	// that is not in the answer take no more requests. It is for names whose
	// answers are complete, as those of headless services are: where each has a
	// part of the addresses only, connections would come and go with it. If zero,
	// each dial asks, and connections stay.
	ResolveInterval time.Duration

	// LocalAddrs are the addresses of this machine to dial from: each has a range
	// of ports of its own to every destination. A dial takes the one that has the
	// most left, by what this Transport holds, and tries the next if it has none.
	// If empty, the system chooses. They can't be used together with a function
	// that dials.
	LocalAddrs []netip.Addr

	// PortReserve is how many ports are left free toward a destination: a dial
	// that would leave less does not begin, and its request waits for a connection
	// to come back, or for a port. What counts is what this Transport holds, in use
	// and in TIME_WAIT, and the ephemeral range. If zero, the dial is tried.
	PortReserve int

	// ResetIdleConns has connections on which nothing is under way reset, where
	// they are closed, rather than closed in order: their ports are free at once,
	// not after a minute in TIME_WAIT. Their servers see a reset (ECONNRESET), and
	// may count it as an error. It is for when ports are short.
	ResetIdleConns bool

	budget budget
	watch  watcher
	idle   sweeper
	leaks  sweeper
	names  sweeper
	ledger ledger
	h1pool h1pool

	mu      sync.RWMutex // guards the fields below; taken before a host's
	hosts   map[hostKey]*host
	past    counts        // of the hosts that left the map
	closed  bool          // no new hosts
	drained chan struct{} // Shutdown waits for it: closed when there are no hosts
	alt     map[string]http.RoundTripper
	limits  map[string]*Limits // of SetHostLimits, by host's name

	last   atomic.Pointer[host]    // that lookup found
	wants  [2]atomic.Pointer[want] // of the last requests: that keep their connection, and that end it
	net    atomic.Pointer[network] // of the last request
	hasAlt atomic.Bool             // alt has entries
	leaky  atomic.Bool             // a leak was found
}

// Default returns a new Transport that is set as http.DefaultTransport is: proxy
// from the environment, HTTP/2, 30 seconds for a dial, 10 for a TLS handshake, 1
// for a 100-continue.
func Default() *Transport {
	return &Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		DialTimeout:           30 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// defaultIdleConnTimeout is http.DefaultTransport's.
const defaultIdleConnTimeout = 90 * time.Second

// want reads the limits for a request.
func (t *Transport) want(last bool) *want {
	w := want{
		maxConnsPerHost: t.MaxConnsPerHost,
		maxConns:        t.MaxConns,
		maxDialsPerHost: t.MaxDialsPerHost,
		maxWaiting:      t.MaxWaiting,
		maxIdle:         t.MaxIdleConns,
		minIdle:         t.MinIdleConnsPerHost,
		maxHTTP2:        t.MaxHTTP2ConnsPerHost,
		maxIdlePerHost:  t.MaxIdleConnsPerHost,
		maxRequests:     t.MaxConnRequests,
		fifo:            t.Reuse == FIFO,
		resets:          t.ResetIdleConns,
		idleTimeout:     t.IdleConnTimeout,
		fresh:           t.DisableKeepAlives,
		last:            last,
		tell:            teller{t.Events, t.Logger},
	}
	if t.HTTP2 != nil && t.HTTP2.StrictMaxConcurrentRequests {
		w.maxHTTP2 = 1
	}
	if w.idleTimeout == 0 {
		w.idleTimeout = defaultIdleConnTimeout
	}
	common := &t.wants[0]
	if last {
		common = &t.wants[1]
	}
	if same := common.Load(); same != nil && *same == w {
		return same
	}
	own := w // or w would be on the heap for each request
	common.Store(&own)
	return &own
}

// conflict is the error for fields that can't work together, for a request with
// the scheme.
func (t *Transport) conflict(scheme string) error {
	if t.Control == nil && len(t.LocalAddrs) == 0 {
		return nil
	}
	dials := t.Dial != nil || t.DialContext != nil || scheme == "https" && (t.DialTLS != nil || t.DialTLSContext != nil)
	switch {
	case !dials:
		return checkLocal(t.LocalAddrs)
	case t.Control != nil:
		return errors.New("berth: Control is set together with a dial function: it would never be called")
	}
	return errors.New("berth: LocalAddrs is set together with a dial function: they would never be used")
}

// lookup returns the host for a key, making it if it must.
func (t *Transport) lookup(key hostKey) (*host, error) {
	if h := t.last.Load(); h != nil && h.key == key {
		return h, nil // without the lock; one that is gone or shut says so
	}
	t.mu.RLock()
	h := t.hosts[key]
	closed := t.closed
	t.mu.RUnlock()
	if closed {
		return nil, ErrClosed
	}
	if h != nil {
		t.last.Store(h)
		return h, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	if h = t.hosts[key]; h == nil {
		if t.hosts == nil {
			t.hosts = map[hostKey]*host{}
		}
		h = newHost(key, &t.budget)
		h.limits = t.limits[h.name]
		t.hosts[key] = h
	}
	return h, nil
}

// forget takes h out of the map if it is still empty.
func (t *Transport) forget(h *host) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone || !h.empty(time.Now()) {
		return
	}
	h.gone = true
	delete(t.hosts, h.key)
	t.last.CompareAndSwap(h, nil) // or it would be kept alive
	t.past.add(&h.counts)
	if h.timer != nil {
		h.timer.Stop()
	}
	if h.answer.cancel != nil {
		h.answer.cancel()
	}
	if len(t.hosts) == 0 {
		t.idle.stop()
		t.leaks.stop()
		t.names.stop()
		if t.drained != nil {
			close(t.drained)
			t.drained = nil
		}
	}
}

func (t *Transport) allHosts() []*host {
	t.mu.RLock()
	defer t.mu.RUnlock()
	hosts := make([]*host, 0, len(t.hosts))
	for _, h := range t.hosts {
		hosts = append(hosts, h)
	}
	return hosts
}

// act does what a transition of h decided, after its lock was released.
func (t *Transport) act(h *host, do *todo) {
	for w := do.served; w != nil; {
		next := w.chain // w is its request's as soon as it is woken
		w.chain = nil
		if w.elided && w.want.tell.on() {
			w.want.tell.elided(h.name)
		}
		w.ready <- struct{}{}
		w = next
	}
	if do.idleFor > 0 {
		t.idle.expect(t, (*Transport).sweep, do.idled, do.idleFor)
	}
	if do.resolve > 0 {
		t.names.expect(t, (*Transport).resolveAgain, do.resolveAt, do.resolve)
	}
	for _, d := range do.dials {
		d.want.tell.dial(d)
		startDial(t, d, h.name, d.why)
	}
	for _, d := range do.cancels {
		d.cancel()
	}
	for _, c := range do.closes {
		closeConn(t, c)
		c.c.want.tell.closed(c.c, c.why)
	}
	if do.released != nil {
		t.watch.remove(do.released)
		t.ledger.release(do.released.berth, true, time.Now()) // when its caller closes it, we can't tell
		do.released.want.tell.closed(do.released, closedUpgraded)
	}
	if do.excess > 0 {
		t.evict(func() *conn { return t.budget.excess(do.excess) }, closedExcess)
	}
	if do.room {
		t.evict(t.budget.crowded, closedForOther)
		t.endSpares()
	}
	for range do.free {
		t.pass()
	}
	for i := range do.leaks {
		do.leaks[i].say()
	}
	if do.put {
		t.setTimer(h)
	}
	if do.empty {
		t.forget(h)
	}
}

// evict closes the idle connections that pick finds, whatever their host, until
// it finds no more. The slot of each goes to the waiter that starves longest.
func (t *Transport) evict(pick func() *conn, why closeReason) {
	for c := pick(); c != nil; c = pick() {
		var do todo
		c.h.evict(c, why, time.Now(), &do)
		t.act(c.h, &do)
	}
}

// endSpares ends the dials that are for nobody if a waiter starves for a slot.
func (t *Transport) endSpares() {
	if !t.budget.starves() {
		return
	}
	for _, h := range t.allHosts() {
		var do todo
		h.endSpares(&do)
		t.act(h, &do)
	}
}

// pass gives a slot of the budget back, or to the waiter that starves longest.
func (t *Transport) pass() {
	if w := t.budget.release(); w != nil {
		var do todo
		w.h.granted(w, time.Now(), &do)
		t.act(w.h, &do)
	}
}

// setTimer sets the host's timer for the first of the dials put off.
func (t *Transport) setTimer(h *host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := h.nextDue(time.Now())
	switch {
	case next.IsZero():
	case h.timer == nil:
		h.timer = time.AfterFunc(time.Until(next), func() { t.dueAt(h) })
	default:
		h.timer.Reset(time.Until(next))
	}
}

func (t *Transport) dueAt(h *host) {
	var do todo
	h.due(time.Now(), &do)
	do.put = true
	t.act(h, &do)
}

// CloseIdleConnections closes the connections that are idle, and those that
// become idle before the next request begins. Those in use go on.
func (t *Transport) CloseIdleConnections() {
	t.budget.closeIdle.Store(true)
	for _, h := range t.allHosts() {
		var do todo
		h.closeIdle(time.Now(), &do)
		t.act(h, &do)
	}
}

// Shutdown ends the Transport in peace: requests that wait for a connection
// and those that come later fail with ErrClosed, idle connections are closed,
// and Shutdown waits until the exchanges in flight, bodies included, are over.
// If ctx ends first, what is left is cut, as by Close, and Shutdown returns the
// context's error.
//
// Connections that were upgraded (101 Switching Protocols) are their caller's:
// Shutdown and Close know them no more. A Transport can't be used again.
func (t *Transport) Shutdown(ctx context.Context) error {
	_, drained := t.shutdown()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		t.Close()
		return context.Cause(ctx)
	}
}

// Close ends the Transport at once: what waits or is in flight fails with
// ErrClosed, and all connections are closed. It may be called after Shutdown,
// and twice. It always returns nil.
func (t *Transport) Close() error {
	leased, _ := t.shutdown()
	for _, l := range leased {
		if x := l.x.Load(); x != nil {
			x.abort(ErrClosed, closedByClose)
		} else {
			l.c.bottom().Close() // its request has yet to begin, and will find out
		}
	}
	return nil
}

func (t *Transport) shutdown() (leased []*lease, drained <-chan struct{}) {
	t.mu.Lock()
	t.closed = true
	if t.drained == nil {
		t.drained = make(chan struct{})
	}
	done := t.drained
	if len(t.hosts) == 0 {
		close(done)
		t.drained = nil
	}
	t.mu.Unlock()
	for _, h := range t.allHosts() {
		var do todo
		leased = append(leased, h.shutdown(time.Now(), &do)...)
		t.act(h, &do)
	}
	return leased, done
}

func (t *Transport) isClosed() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.closed
}

// RegisterProtocol has requests with the scheme made by rt, as
// http.Transport.RegisterProtocol does. It panics if the scheme has one already.
func (t *Transport) RegisterProtocol(scheme string, rt http.RoundTripper) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.alt[scheme]; ok {
		panic("protocol " + scheme + " already registered")
	}
	if t.alt == nil {
		t.alt = map[string]http.RoundTripper{}
	}
	t.alt[scheme] = rt
	t.hasAlt.Store(true)
}
