package berth

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// muxing is what several exchanges use at once: a connection of HTTP/2, which
// net/http's ClientConn speaks, or one that a function in TLSNextProto has
// taken.
type muxing struct {
	rt     http.RoundTripper
	client *http.ClientConn // HTTP/2; else nil
	wire   net.Conn         // that client reads and writes
	unused []*lease         // that were given back; guarded by the host's mutex
	choked atomic.Bool      // somebody found no stream: tell when there is one
}

// firstStreams is how many requests a connection takes before its server's
// limit is known: what RFC 9113, section 6.5.2, advises no server to go below,
// and what net/http takes.
const firstStreams = 100

// speakHTTP2 has net/http speak HTTP/2 on c. An http.Transport with the
// connection's settings, and no other use, makes the ClientConn: one for HTTP/2
// without TLS, since it is the connection it is given that may have it.
//
// MaxConnsPerHost must be zero there, or the ClientConn's Close panics (Go
// 1.26.8), and so must IdleConnTimeout: that is ours to mind.
func (t *Transport) speakHTTP2(ctx context.Context, c *conn, d *dialer) error {
	c.most = c.h.expectedStreams()
	wire := &h2wire{
		Conn:    c.nc,
		c:       c,
		goAway:  func() { t.hungUp(c) },
		streams: func(n int) { t.allowed(c, n) },
		ended:   func() { t.hungUp(c) },
	}
	inner := &http.Transport{
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return wire, nil },
		Protocols:              new(http.Protocols),
		HTTP2:                  d.proto.http2,
		DisableCompression:     d.settings.noGzip,
		DisableKeepAlives:      d.once,
		MaxResponseHeaderBytes: d.settings.maxHeader,
		ResponseHeaderTimeout:  d.settings.headerTimeout,
		ExpectContinueTimeout:  d.settings.continueTimeout,
	}
	inner.Protocols.SetUnencryptedHTTP2(true)
	m := &muxing{wire: wire}
	c.mux, c.h1 = m, h1{}
	stop := context.AfterFunc(ctx, func() { wire.Close() }) // it writes
	client, err := inner.NewClientConn(context.Background(), "http", "server:80")
	if !stop() {
		return context.Cause(ctx) // wire is closed, or will be
	}
	if err != nil {
		return err
	}
	m.rt, m.client = client, client
	return nil
}

// expectedStreams is how many requests a new connection is trusted with.
func (h *host) expectedStreams() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams > 0 {
		return min(h.streams, firstStreams)
	}
	return firstStreams
}

// allowed is told by the wire what limit the server set.
func (t *Transport) allowed(c *conn, streams int) {
	var do todo
	c.h.allow(c, streams, time.Now(), &do)
	t.act(c.h, &do)
}

// relieved is told by net/http that a stream of c has ended, while c is choked.
func (t *Transport) relieved(c *conn) {
	m := c.mux
	if m.client.Available() == 0 {
		return
	}
	m.client.SetStateHook(nil)
	if m.choked.CompareAndSwap(true, false) {
		var do todo
		c.h.relieve(c, time.Now(), &do)
		t.act(c.h, &do)
	}
}

// hasStream reports whether there is a stream for l: the pool's count is behind
// net/http's where streams that were cancelled wait for the server's word. The
// first request is not asked: what keeps the connection from serving any is its
// to tell.
//
// ClientConn's Reserve is not for us. Where the server's limit falls below what
// was reserved, as its first SETTINGS may have it, the requests wait for each
// other for ever: the one that is to have the next stream waits until the
// reservations are gone of those that wait behind it (Go 1.26.8,
// awaitOpenSlotForStreamLocked under reqHeaderMu).
func (l *lease) hasStream() bool {
	m := l.c.mux
	return !l.reused || m.client == nil || m.client.Available() > 0
}

// choke gives back a lease whose connection has no stream for it.
func (t *Transport) choke(l *lease) {
	c := l.c
	var do todo
	c.h.choke(l, time.Now(), &do)
	c.mux.choked.Store(true) // after: who clears it must find c choked
	t.act(c.h, &do)
	// A hook at all times would cost each request two locks and an allocation
	// more. It is called when there are more streams than net/http knew of when
	// it was set, so one that came before is for us to see.
	c.mux.client.SetStateHook(func(*http.ClientConn) { t.relieved(c) })
	t.relieved(c)
}
