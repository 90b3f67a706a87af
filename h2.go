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
	choked atomic.Bool      // somebody found no stream: tell when there is one
}

// http2Fields are the Transport's fields that are for HTTP/2's connections.
type http2Fields struct {
	config          *http.HTTP2Config
	plainBodies     bool // DisableCompression
	once            bool // DisableKeepAlives
	maxHeader       int64
	headerTimeout   time.Duration
	continueTimeout time.Duration
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
	}
	f := &d.proto.http2
	inner := &http.Transport{
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return wire, nil },
		Protocols:              new(http.Protocols),
		HTTP2:                  f.config,
		DisableCompression:     f.plainBodies,
		DisableKeepAlives:      f.once,
		MaxResponseHeaderBytes: f.maxHeader,
		ResponseHeaderTimeout:  f.headerTimeout,
		ExpectContinueTimeout:  f.continueTimeout,
	}
	inner.Protocols.SetUnencryptedHTTP2(true)
	m := &muxing{wire: wire}
	c.mux, c.h1 = m, h1{}
	stop := context.AfterFunc(ctx, func() { wire.Close() }) // it writes
	client, err := inner.NewClientConn(context.Background(), "http", "server:80")
	stop()
	if err != nil {
		return err
	}
	m.rt, m.client = client, client
	client.SetStateHook(func(*http.ClientConn) { t.muxChanged(c) })
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

// muxChanged is told by net/http that a connection has ended, or that a stream
// of it has.
func (t *Transport) muxChanged(c *conn) {
	m := c.mux
	if m.client.Err() != nil {
		t.hungUp(c)
		return
	}
	if m.choked.Load() && m.client.Available() > 0 && m.choked.CompareAndSwap(true, false) {
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
	c.mux.choked.Store(true)
	var do todo
	c.h.choke(l, time.Now(), &do)
	t.act(c.h, &do)
	t.muxChanged(c) // which may have happened before choked was set
}
