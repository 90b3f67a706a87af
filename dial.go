package berth

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http/httptrace"
	"syscall"
	"time"
)

// dialer is how to dial for one request: the Transport's fields as they were
// when the request began.
type dialer struct {
	ctx context.Context // the request's values, without its cancel

	dial             func(ctx context.Context, network, addr string) (net.Conn, error)
	dialTLS          func(ctx context.Context, network, addr string) (net.Conn, error)
	control          func(network, address string, c syscall.RawConn) error
	dialTimeout      time.Duration
	tlsConfig        *tls.Config
	handshakeTimeout time.Duration
	lifetime         time.Duration
	settings         *settings // the others that matter, set when the dial is needed
	once             bool      // DisableKeepAlives, set with them

	proxy *proxyFields // nil for none
	net   *network     // nil if none of its fields is set
	proto protoFields
}

// newDialer reads the fields.
func (t *Transport) newDialer(r *route) dialer {
	d := dialer{
		dial:             t.DialContext,
		dialTLS:          t.DialTLSContext,
		control:          t.Control,
		dialTimeout:      t.DialTimeout,
		tlsConfig:        t.TLSClientConfig,
		handshakeTimeout: t.TLSHandshakeTimeout,
		lifetime:         t.MaxConnLifetime,
		proto:            t.protoFields(),
		net:              t.network(),
	}
	if r.proxy != nil {
		d.proxy = &proxyFields{r.proxy, t.ProxyConnectHeader, t.GetProxyConnectHeader, t.OnProxyConnectResponse}
	}
	if plain := t.Dial; d.dial == nil && plain != nil {
		d.dial = func(_ context.Context, network, addr string) (net.Conn, error) { return plain(network, addr) }
	}
	if plain := t.DialTLS; d.dialTLS == nil && plain != nil {
		d.dialTLS = func(_ context.Context, network, addr string) (net.Conn, error) { return plain(network, addr) }
	}
	return d
}

// dialer returns what a waiter of the exchange needs. The dial is detached from
// the request's cancel, since whoever waits may use what it brings, but keeps
// the context's values.
func (x *exchange) dialer() *dialer {
	d := x.dial
	d.ctx = context.WithoutCancel(x.ctx)
	set := x.set // the dial may outlive the exchange
	d.settings, d.once = &set, x.want.fresh
	d.proto = d.proto.copied()
	return &d
}

// startDial starts a dial. All of them pass here, on the goroutine of the
// request that caused it, or of the timer or the connection that let a request
// that waited have its turn: tools that look into a running process hold on to
// this function.
//
//go:noinline
func startDial(t *Transport, d *dial, host, why string) {
	go t.runDial(d)
}

func (t *Transport) runDial(d *dial) {
	defer d.cancel()
	a := &attempt{dialer: d.dialer, ledger: &t.ledger, t: t, h: d.h}
	nc, state, err := a.connect(d.ctx, d.h.key)
	var c *conn
	if err == nil {
		c, err = t.negotiated(d, nc, state)
	}
	if err != nil {
		t.dialFailed(d, a.berth, err)
		return
	}
	c.berth = a.berth
	dialed(t, d, nc, c)
}

func (t *Transport) dialFailed(d *dial, held *berth, err error) {
	var do todo
	now := time.Now()
	if d.ctx.Err() == nil {
		t.ledger.connected(held, err, now)
	}
	t.ledger.release(held, true, now)
	fault, local := t.localError(d.h, err)
	d.want.tell.dialFailed(d, fault, now.Sub(d.began))
	d.h.failed(d, fault, local, now, &do)
	t.act(d.h, &do)
}

// dialed takes over what a dial has brought. All connections pass here: tools
// that look into a running process learn which dial, of startDial, made which.
//
//go:noinline
func dialed(t *Transport, d *dial, nc net.Conn, c *conn) {
	var do todo
	now := time.Now()
	c.born = now
	t.ledger.connected(c.berth, nil, now)
	if d.want.tell.on() {
		d.want.tell.dialed(d, nc, now.Sub(d.began))
	}
	if life := d.dialer.lifetime; life > 0 {
		c.retires = now.Add(life - rand.N(life/10+1)) // so that a fleet does not reconnect at once
	}
	var idle *idlePeek
	if c.mux == nil {
		t.watch.add(t, c)
		idle = c.h1.begin(t, c, d.dialer)
	}
	d.h.dialed(d, c, now, &do)
	t.act(d.h, &do)
	idle.release()
}

// localError wraps err in a LocalError if this machine is to blame for it.
func (t *Transport) localError(h *host, err error) (error, bool) {
	what, ports, ok := localFault(err)
	if !ok {
		return err, false
	}
	e := &LocalError{Host: h.name, What: what, Held: h.held(), Err: err}
	if ports {
		e.Range = cmp.Or(t.ledger.rangeSeen(), portRange())
	}
	return e, true
}

// connect dials the host, through a proxy where there is one, with TLS where
// its scheme says so.
func (a *attempt) connect(ctx context.Context, key hostKey) (net.Conn, *tls.ConnectionState, error) {
	switch {
	case a.proxy != nil:
		return a.connectVia(ctx, key)
	case key.scheme == "https":
		return a.connectHTTPS(ctx, key)
	}
	nc, err := a.connectTCP(ctx, key.addr)
	return nc, nil, err
}

func (a *attempt) connectHTTPS(ctx context.Context, key hostKey) (net.Conn, *tls.ConnectionState, error) {
	if a.dialTLS != nil {
		return a.connectTLS(ctx, key.addr)
	}
	nc, err := a.connectTCP(ctx, key.addr)
	if err != nil {
		return nil, nil, err
	}
	return a.overTLS(ctx, nc, key)
}

// overTLS has nc speak TLS with the host.
func (a *attempt) overTLS(ctx context.Context, nc net.Conn, key hostKey) (net.Conn, *tls.ConnectionState, error) {
	name, _, err := net.SplitHostPort(key.addr)
	if err != nil {
		closeNet(nc, "no host name")
		return nil, nil, err
	}
	cfg := a.tlsConfig.Clone()
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if cfg.ServerName == "" {
		cfg.ServerName = name
	}
	cfg.NextProtos = nil
	if !key.http1 {
		cfg.NextProtos = a.protos()
	}
	tc := tls.Client(nc, cfg)
	state, err := a.handshake(ctx, tc, a.handshakeTimeout)
	if err != nil {
		closeNet(nc, "TLS handshake failed")
		return nil, nil, err
	}
	return tc, state, nil
}

// limit is DialTimeout, for a function that dials too.
func (d *dialer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if d.dialTimeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d.dialTimeout)
}

// connectTLS dials with DialTLSContext or DialTLS, whose connection may be of
// any type and is taken to be past its handshake; a *tls.Conn is helped over it.
func (d *dialer) connectTLS(ctx context.Context, addr string) (net.Conn, *tls.ConnectionState, error) {
	limited, cancel := d.limit(ctx)
	nc, err := d.dialTLS(limited, "tcp", addr)
	cancel()
	if nc == nil && err == nil {
		err = errors.New("net/http: Transport.DialTLS or DialTLSContext returned (nil, nil)")
	}
	if err != nil {
		return nil, nil, err
	}
	tc, ok := nc.(*tls.Conn)
	if !ok {
		return nc, nil, nil
	}
	state, err := d.handshake(ctx, tc, 0)
	if err != nil {
		closeNet(nc, "TLS handshake failed")
		return nil, nil, err
	}
	return nc, state, nil
}

func (d *dialer) handshake(ctx context.Context, tc *tls.Conn, timeout time.Duration) (*tls.ConnectionState, error) {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	err := handshakeIn(ctx, tc, timeout)
	var state tls.ConnectionState
	if err == nil {
		state = tc.ConnectionState()
	}
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(state, err)
	}
	return &state, err
}

// handshakeIn gives the handshake a time of its own, and it an error of its own.
func handshakeIn(ctx context.Context, tc *tls.Conn, timeout time.Duration) error {
	if timeout <= 0 {
		return tc.HandshakeContext(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := tc.HandshakeContext(limited)
	if err != nil && limited.Err() == context.DeadlineExceeded && ctx.Err() == nil {
		return errTLSTimeout
	}
	return err
}
