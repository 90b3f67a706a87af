package berth

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// proxyFields are the Transport's fields for a request that goes through a proxy.
type proxyFields struct {
	url        *url.URL
	header     http.Header
	getHeader  func(ctx context.Context, proxyURL *url.URL, target string) (http.Header, error)
	onResponse func(ctx context.Context, proxyURL *url.URL, connectReq *http.Request, connectRes *http.Response) error
}

// connectVia connects to the host through a proxy. A connection whose proxy is
// asked for each URL ends there.
func (a *attempt) connectVia(ctx context.Context, key hostKey) (net.Conn, *tls.ConnectionState, error) {
	nc, state, err := a.connectProxy(ctx)
	if err != nil {
		return nil, nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	limited, cancel := context.WithTimeout(ctx, proxyTime)
	defer cancel()
	switch {
	case isSOCKS(a.proxy.url):
		err = socksConnect(limited, nc, a.proxy.url.User, key.addr)
	case key.scheme == "http":
		return nc, state, nil
	default:
		err = a.tunnel(limited, nc, key.addr)
	}
	if err != nil {
		closeNet(nc, "proxy refused")
		return nil, nil, err
	}
	if key.scheme != "https" {
		return nc, nil, nil
	}
	return a.overTLS(ctx, nc, key)
}

// connectProxy makes the first hop. It never offers HTTP/2: CONNECT and
// forwarding are spoken in HTTP/1 here, as in net/http.
func (a *attempt) connectProxy(ctx context.Context) (net.Conn, *tls.ConnectionState, error) {
	hop := hostKey{scheme: a.proxy.url.Scheme, addr: canonicalAddr(a.proxy.url), http1: true}
	if hop.scheme == "https" {
		return a.connectHTTPS(ctx, hop)
	}
	nc, err := a.connectTCP(ctx, hop.addr)
	return nc, nil, err
}

// proxyTime limits what a proxy takes to connect to the host: net/http's figure
// for CONNECT. (It has none for SOCKS.)
const proxyTime = time.Minute

// tunnel has an HTTP proxy connect nc to addr (RFC 9110, section 9.3.6).
func (d *dialer) tunnel(ctx context.Context, nc net.Conn, addr string) error {
	header, err := d.connectHeader(ctx, addr)
	if err != nil {
		return err
	}
	req := &http.Request{Method: "CONNECT", URL: &url.URL{Opaque: addr}, Host: addr, Header: header}
	resp, err := askProxy(ctx, nc, req, d.settings.maxHeader)
	if err != nil {
		return err
	}
	if d.proxy.onResponse != nil {
		if err := d.proxy.onResponse(ctx, d.proxy.url, req, resp); err != nil {
			return err
		}
	}
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	if _, text, ok := strings.Cut(resp.Status, " "); ok {
		return errors.New(text)
	}
	return errors.New("unknown status code")
}

// connectHeader is the header of a CONNECT, the user's left as it is.
func (d *dialer) connectHeader(ctx context.Context, addr string) (h http.Header, err error) {
	h = d.proxy.header
	if d.proxy.getHeader != nil {
		if h, err = d.proxy.getHeader(ctx, d.proxy.url, addr); err != nil {
			return nil, err
		}
	}
	if h == nil {
		h = http.Header{}
	}
	if auth := proxyAuthorization(d.proxy.url); auth != "" {
		h = h.Clone()
		h.Set("Proxy-Authorization", auth)
	}
	return h, nil
}

// askProxy makes one exchange on a bare connection. The buffer that it reads
// with can be dropped: in a tunnel, the host does not speak first.
func askProxy(ctx context.Context, nc net.Conn, req *http.Request, maxHeader int64) (resp *http.Response, err error) {
	cut := context.AfterFunc(ctx, func() { nc.Close() })
	if err = req.Write(nc); err == nil {
		resp, err = http.ReadResponse(bufio.NewReader(io.LimitReader(nc, maxHeader)), req)
	}
	if !cut() {
		return nil, context.Cause(ctx)
	}
	return resp, err
}
