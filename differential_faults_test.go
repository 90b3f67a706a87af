package berth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
)

// Faults on the way to the host, behind the body, in what comes after HTTP, and
// in what is let through: as in TestDifferentialNoticesFaults.
func TestDifferentialNoticesFaultsOnTheWay(t *testing.T) {
	quiet(t)
	for _, fault := range []struct {
		name    string
		showsIn string // a seed
		with    knobs
		subject subject
	}{
		// Proxies.
		{"goes past the proxy", "proxy", 0, configured(func(t *http.Transport) { t.Proxy = nil })},
		{"asks a proxy for a path", "proxy", 0, configured(asOrigin)},
		{"has no password for a proxy", "proxy, with a password", 0, configured(forgetUser)},
		{"has no password for CONNECT", "proxy, with a password", overTLS, configured(forgetUser)},
		{"has no password for SOCKS", "SOCKS, with a password", 0, configured(forgetUser)},
		{"tells the host what is the proxy's", "proxy, with a password", overTLS, wrapped(tellPassword)},
		{"leaves out ProxyConnectHeader", "proxy", overTLS, configured(func(t *http.Transport) { t.ProxyConnectHeader = nil })},
		{"does not tell of the answer to CONNECT", "proxy", overTLS, configured(func(t *http.Transport) { t.OnProxyConnectResponse = nil })},
		{"takes any success for a tunnel", "CONNECT 201", overTLS, rewriting("201", "200")},
		{"takes a challenge for a tunnel", "CONNECT 407", overTLS, rewriting("407", "200")},
		{"does not say why there is no tunnel", "CONNECT 407", overTLS, wrapped(hideReason)},
		{"refuses a tunnel of HTTP/1.0", "CONNECT, HTTP/1.0", overTLS, configured(refuseOld)},
		{"does not limit answers to CONNECT", "CONNECT, one over the limit", overTLS, configured(func(t *http.Transport) { t.MaxResponseHeaderBytes = 0 })},
		{"keeps connections to a proxy by host", "proxy, another host", 0, eachHostApart},
		{"uses a connection for another host", "another host", 0, wrapped(anyConnection)},
		{"uses a tunnel for another host", "proxy, another host", overTLS, wrapped(anyConnection)},
		{"looks names up for SOCKS", "SOCKS", 0, wrapped(lookUp)},
		{"takes a SOCKS refusal for a connection", "SOCKS refuses: rules", 0, rewriting("\x05\x02\x00", "\x05\x00\x00")},
		{"ignores SOCKS's reserved byte", "SOCKS reserved byte", 0, rewriting("\x05\x00\x01", "\x05\x00\x00")},
		{"does not name what failed", "SOCKS, nothing", 0, wrapped(hideTimeout)},

		// Trailers.
		{"drops trailers of requests", "POST with trailers", 0, wrapped(dropRequestTrailer)},
		{"sends trailers as they were at first", "POST with trailers", 0, wrapped(copyRequestTrailer)},
		{"sends trailers as headers", "POST with trailers", 0, wrapped(trailerAsHeader)},
		{"takes trailers that were cut for whole ones", "trailers, cut behind a line", 0, altered(hideAnyError)},
		{"believes a forbidden trailer", "chunked, with a forbidden trailer", 0, altered(forgeTrailer)},

		// Upgrades.
		{"loses what came with a 101", "upgrade, and bytes at once", 0, altered(dropByte)},
		{"says nothing behind a 101", "upgrade", 0, altered(mute)},
		{"switches though nothing says so", "upgrade without Connection", 0, altered(mute)},
		{"does not switch", "upgrade", 0, rewriting("Connection: Upgrade", "Connection: Nothing")},
		{"does not ask for another protocol", "upgrade, refused", 0, wrapped(dropUpgrade)},

		// Framing.
		{"takes a length with a sign", "length with a sign", 0, rewriting("+5", " 5")},
		{"takes the first of two lengths", "length twice, in conflict", 0, rewriting("Length: 6", "Length: 5")},
		{"takes the length rather than chunks", "length and chunked, in conflict", 0, rewriting("Transfer-Encoding", "X-Transfer-Coding")},
		{"takes a space before the colon", "header with a space before the colon", 0, rewriting("Length : 5", "Length:  5")},
		{"takes a coding that it does not know", "transfer encoding unknown", 0, rewriting("gzip, chunked", "      chunked")},
		{"takes a chunk's size with 0x", "chunk in hex with 0x", 0, rewriting("0x5", "005")},
		{"takes NUL", "header with NUL", 0, rewriting("\x00", "0")},
		{"takes a bare CR for an end", "head ended by CR", 0, rewriting("\r\r", "\n\n")},
		{"takes a status of four digits", "status 1000", 0, rewriting("1000", " 200")},
		{"takes another version", "version of ICY", 0, rewriting("ICY 200 OK", "HTTP/1.1 200")},
		{"does not limit informational responses", "1xx, more than the limit together", 0, configured(func(t *http.Transport) { t.MaxResponseHeaderBytes = 0 })},
	} {
		t.Run(fault.name, func(t *testing.T) {
			wantDifference(t, seedNamed(t, fault.showsIn).with(fault.with), fault.subject)
		})
	}
}

// A proxy that wants what it was not offered may be refused, and by no other
// error than SOCKS's.
func TestDifferentialAllowsToRefuseSOCKS(t *testing.T) {
	quiet(t)
	s := seedNamed(t, "SOCKS password, which nobody has")
	refuse := rewriting("\x05\x02", "\x05\xff")
	if diff := difference(s, refuse); diff != "" {
		t.Error(diff)
	}
	wantDifference(t, s, subject{readsAhead: true, like: func(t *http.Transport) http.RoundTripper {
		return &wrapper{refuse.like(t).(*http.Transport), hideTimeout}
	}})
}

func asOrigin(t *http.Transport) {
	dial := t.DialContext
	t.Proxy = nil
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, "proxy.test:80")
	}
}

func forgetUser(t *http.Transport) {
	proxy := t.Proxy
	t.Proxy = func(req *http.Request) (*url.URL, error) {
		u, err := proxy(req)
		return &url.URL{Scheme: u.Scheme, Host: u.Host}, err
	}
}

func tellPassword(t *http.Transport, req *http.Request) (*http.Response, error) {
	req.Header.Set("Proxy-Authorization", "Basic dXM6cHc=")
	return t.RoundTrip(req)
}

func hideReason(t *http.Transport, req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTrip(req)
	if err != nil {
		err = errors.New("no tunnel")
	}
	return resp, err
}

func refuseOld(t *http.Transport) {
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
		if resp.ProtoMinor == 0 {
			return errors.New("too old")
		}
		return nil
	}
}

// eachHostApart has a transport a host.
var eachHostApart = wrapped(func(t *http.Transport, req *http.Request) (*http.Response, error) {
	if req.URL.Hostname() == "other.test" {
		t = t.Clone()
	}
	return t.RoundTrip(req)
})

// anyConnection makes each request on a connection to the first one's host.
func anyConnection(t *http.Transport, req *http.Request) (*http.Response, error) {
	req.Host, req.URL.Host = req.URL.Host, "berth.test"
	return t.RoundTrip(req)
}

func lookUp(t *http.Transport, req *http.Request) (*http.Response, error) {
	req.Host, req.URL.Host = req.URL.Host, "127.0.0.1"
	return t.RoundTrip(req)
}

func dropRequestTrailer(t *http.Transport, req *http.Request) (*http.Response, error) {
	sent := req.Clone(req.Context())
	sent.Trailer = nil
	return t.RoundTrip(sent)
}

func copyRequestTrailer(t *http.Transport, req *http.Request) (*http.Response, error) {
	return t.RoundTrip(req.Clone(req.Context()))
}

func trailerAsHeader(t *http.Transport, req *http.Request) (*http.Response, error) {
	req.Header.Set("X-Known", req.Trailer.Get("X-Known"))
	return t.RoundTrip(req)
}

func hideAnyError(resp *http.Response) {
	resp.Body = &hooked{resp.Body, func(error) error { return io.EOF }}
}

func forgeTrailer(resp *http.Response) {
	resp.Body = &hooked{resp.Body, func(err error) error {
		resp.Trailer = http.Header{"Content-Length": {"1"}}
		return err
	}}
}

func dropUpgrade(t *http.Transport, req *http.Request) (*http.Response, error) {
	req.Header.Del("Upgrade")
	return t.RoundTrip(req)
}

// mute gives a response a body that can be written to, and sends nothing of it.
func mute(resp *http.Response) { resp.Body = muted{resp.Body} }

type muted struct{ io.ReadCloser }

func (muted) Write(p []byte) (int, error) { return len(p), nil }

func (m muted) CloseWrite() error {
	if half, ok := m.ReadCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// rewriting is net/http that reads one thing where another was sent: what is
// strict in it becomes lenient.
func rewriting(sent, read string) subject {
	return configured(func(t *http.Transport) {
		dial := t.DialContext
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			return &rewriter{c, []byte(sent), []byte(read)}, err
		}
	})
}

type rewriter struct {
	net.Conn
	sent, read []byte
}

// Read finds only what is not cut in two.
func (r *rewriter) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	return copy(p, bytes.ReplaceAll(p[:n], r.sent, r.read)), err
}
