package berth

import (
	"context"
	"maps"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
)

// From returns a new Transport with the configuration of std, which may be in
// use and goes on undisturbed. What std was told by RegisterProtocol can't be
// read out of it: register it again. Its connections are not taken over.
//
// MaxIdleConnsPerHost and IdleConnTimeout of zero mean more here than they do in
// std: see there.
func From(std *http.Transport) *Transport {
	t := fromStd(std.Clone())
	// Clone leaves TLSNextProto out where net/http made it, but keeps the
	// NextProtos that go with it; and where the map is the user's, it has
	// net/http's hook, which would hand our connections to std's own pool.
	if hook := std.TLSNextProto["h2"]; hook != nil && (t.TLSNextProto == nil || isNetHTTPs(hook)) {
		t.ForceAttemptHTTP2 = true
		delete(t.TLSNextProto, "h2")
		delete(t.TLSNextProto, "unencrypted_http2")
		if len(t.TLSNextProto) == 0 {
			t.TLSNextProto = nil // an empty one forbids HTTP/2
		}
	}
	return t
}

// isNetHTTPs reports whether a function is one of net/http's.
func isNetHTTPs(f any) bool {
	return strings.HasPrefix(runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name(), "net/http.")
}

// fromStd takes over the fields of std, which nobody else uses.
func fromStd(std *http.Transport) *Transport {
	return &Transport{
		Proxy:                  std.Proxy,
		OnProxyConnectResponse: std.OnProxyConnectResponse,
		DialContext:            std.DialContext,
		Dial:                   std.Dial,
		DialTLSContext:         std.DialTLSContext,
		DialTLS:                std.DialTLS,
		TLSClientConfig:        std.TLSClientConfig,
		TLSHandshakeTimeout:    std.TLSHandshakeTimeout,
		DisableKeepAlives:      std.DisableKeepAlives,
		DisableCompression:     std.DisableCompression,
		MaxIdleConns:           std.MaxIdleConns,
		MaxIdleConnsPerHost:    std.MaxIdleConnsPerHost,
		MaxConnsPerHost:        std.MaxConnsPerHost,
		IdleConnTimeout:        std.IdleConnTimeout,
		ResponseHeaderTimeout:  std.ResponseHeaderTimeout,
		ExpectContinueTimeout:  std.ExpectContinueTimeout,
		TLSNextProto:           std.TLSNextProto,
		ProxyConnectHeader:     std.ProxyConnectHeader,
		GetProxyConnectHeader:  std.GetProxyConnectHeader,
		MaxResponseHeaderBytes: std.MaxResponseHeaderBytes,
		WriteBufferSize:        std.WriteBufferSize,
		ReadBufferSize:         std.ReadBufferSize,
		ForceAttemptHTTP2:      std.ForceAttemptHTTP2,
		HTTP2:                  std.HTTP2,
		Protocols:              std.Protocols,
	}
}

// std is the way back: an http.Transport with t's fields, but for those that are
// berth's own. It is a deep copy.
func (t *Transport) std() *http.Transport {
	p := t.protoFields().copied()
	return &http.Transport{
		Proxy:                  t.Proxy,
		OnProxyConnectResponse: t.OnProxyConnectResponse,
		DialContext:            t.DialContext,
		Dial:                   t.Dial,
		DialTLSContext:         t.DialTLSContext,
		DialTLS:                t.DialTLS,
		TLSClientConfig:        t.TLSClientConfig.Clone(),
		TLSHandshakeTimeout:    t.TLSHandshakeTimeout,
		DisableKeepAlives:      t.DisableKeepAlives,
		DisableCompression:     t.DisableCompression,
		MaxIdleConns:           t.MaxIdleConns,
		MaxIdleConnsPerHost:    t.MaxIdleConnsPerHost,
		MaxConnsPerHost:        t.MaxConnsPerHost,
		IdleConnTimeout:        t.IdleConnTimeout,
		ResponseHeaderTimeout:  t.ResponseHeaderTimeout,
		ExpectContinueTimeout:  t.ExpectContinueTimeout,
		TLSNextProto:           maps.Clone(t.TLSNextProto),
		ProxyConnectHeader:     t.ProxyConnectHeader.Clone(),
		GetProxyConnectHeader:  t.GetProxyConnectHeader,
		MaxResponseHeaderBytes: t.MaxResponseHeaderBytes,
		WriteBufferSize:        t.WriteBufferSize,
		ReadBufferSize:         t.ReadBufferSize,
		ForceAttemptHTTP2:      t.ForceAttemptHTTP2,
		HTTP2:                  p.http2,
		Protocols:              p.protocols,
	}
}

// NewClientConn returns a single connection, of the caller's own: it is no part
// of the pool, its limits and its Stats, and Close knows nothing of it. Only
// net/http can make an http.ClientConn, so an http.Transport with t's fields
// does, without those that are berth's own but for Control, DialTimeout, Resolver
// and LocalAddrs.
func (t *Transport) NewClientConn(ctx context.Context, scheme, address string) (*http.ClientConn, error) {
	if err := t.conflict(scheme); err != nil {
		return nil, err
	}
	d := t.newDialer(&route{})
	std := t.std()
	std.MaxConnsPerHost = 0 // or the ClientConn's Close panics (Go 1.26.8)
	if t.Control != nil || t.DialTimeout > 0 || d.net != nil {
		std.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
			a := attempt{dialer: &d, ledger: new(ledger)} // which is thrown away
			return a.connectTCP(ctx, addr)
		}
		std.ForceAttemptHTTP2 = d.ask().TLSNextProto["h2"] != nil // to which a function that dials is no obstacle here
	}
	return std.NewClientConn(ctx, scheme, address)
}

// Clone returns a deep copy of t's exported fields, but for Events and Logger,
// which are the same: a Transport of its own, with no connections, no registered
// protocols and no limits of single hosts.
func (t *Transport) Clone() *Transport {
	t2 := fromStd(t.std())
	t2.MaxConns = t.MaxConns
	t2.MinIdleConnsPerHost = t.MinIdleConnsPerHost
	t2.MaxHTTP2ConnsPerHost = t.MaxHTTP2ConnsPerHost
	t2.Reuse = t.Reuse
	t2.MaxConnRequests = t.MaxConnRequests
	t2.MaxConnLifetime = t.MaxConnLifetime
	t2.MaxDialsPerHost = t.MaxDialsPerHost
	t2.MaxWaiting = t.MaxWaiting
	t2.AcquireTimeout = t.AcquireTimeout
	t2.DialTimeout = t.DialTimeout
	t2.Timeout = t.Timeout
	t2.Control = t.Control
	t2.Resolver = t.Resolver
	t2.ResolveInterval = t.ResolveInterval
	t2.LocalAddrs = slices.Clone(t.LocalAddrs)
	t2.PortReserve = t.PortReserve
	t2.ResetIdleConns = t.ResetIdleConns
	t2.Events = t.Events
	t2.Logger = t.Logger
	t2.LeakAfter = t.LeakAfter
	return t2
}
