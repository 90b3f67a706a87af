package berth

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
)

// hostKey names a destination: what may share connections. It is net/http's
// connectMethodKey.
type hostKey struct {
	proxy  string // its URL, credentials and all; empty without one
	scheme string
	addr   string // host:port; empty for http through a proxy, whose connections go anywhere
	http1  bool   // https that must not be HTTP/2: a WebSocket's Upgrade
}

// String is the host's public name, as Stats and errors have it.
func (k hostKey) String() string {
	name := k.scheme + "://" + k.addr
	if k.addr == "" {
		name += "*"
	}
	if k.proxy == "" {
		return name
	}
	proxy := "a proxy"
	if u, err := url.Parse(k.proxy); err == nil {
		proxy = u.Redacted()
	}
	return name + " via " + proxy
}

// A route is where a request goes: to its host, or through a proxy.
type route struct {
	key   hostKey
	proxy *url.URL // nil for none
}

// route asks Proxy for a request.
func (t *Transport) route(req *http.Request) (r route, err error) {
	r.key = hostKey{scheme: req.URL.Scheme, addr: canonicalAddr(req.URL)}
	r.key.http1 = r.key.scheme == "https" && isWebSocket(req)
	if t.Proxy != nil {
		r.proxy, err = t.Proxy(req)
	}
	if err != nil || r.proxy == nil {
		return r, err
	}
	r.key.proxy = r.proxy.String()
	if r.forwards() {
		r.key.addr = ""
	}
	return r, nil
}

// forwards reports whether the proxy is asked for each URL, rather than for a
// connection to the host.
func (r *route) forwards() bool {
	return r.proxy != nil && r.key.scheme == "http" && !isSOCKS(r.proxy)
}

// firstHop is the address of what is dialed.
func (r *route) firstHop() string {
	if r.proxy != nil {
		return canonicalAddr(r.proxy)
	}
	return r.key.addr
}

// authorization is what a request that is forwarded tells the proxy: the
// credentials in its URL, or nothing.
func (r *route) authorization() string {
	if !r.forwards() {
		return ""
	}
	return proxyAuthorization(r.proxy)
}

func proxyAuthorization(proxy *url.URL) string {
	if proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password))
}

func isSOCKS(proxy *url.URL) bool { return proxy.Scheme == "socks5" || proxy.Scheme == "socks5h" }

// isWebSocket reports whether a request asks to go on as a WebSocket, which it
// can over HTTP/1 only (RFC 6455; net/http does not speak RFC 8441).
func isWebSocket(req *http.Request) bool {
	upgrade := req.Header["Upgrade"]
	return len(upgrade) > 0 && equalASCII(upgrade[0], "websocket") && says(req, "Connection", "upgrade")
}

// canonicalAddr returns the URL's host and port, the port always.
func canonicalAddr(u *url.URL) string {
	name, port := u.Hostname(), u.Port()
	if !isASCII(name) {
		name = asciiHost(u, name)
	}
	if port == "" {
		port = defaultPort(u.Scheme)
	} else if isASCII(u.Host) && len(u.Host) == len(name)+1+len(port) {
		return u.Host // the common case, without an allocation
	}
	return net.JoinHostPort(name, port)
}

func defaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "socks5", "socks5h":
		return "1080"
	}
	return "80"
}

// asciiHost returns an international name as DNS has it. The mapping (UTS 46)
// is net/http's own, whose tables the standard library does not offer: a
// Transport that dials nowhere is asked for the address that it would dial.
func asciiHost(u *url.URL, name string) string {
	ascii := name
	//nolint:berth // it dials nowhere
	ask := http.Transport{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
		ascii, _, _ = net.SplitHostPort(addr)
		return nil, errors.New("only asking")
	}}
	ask.RoundTrip(&http.Request{ //nolint:berth // it fails
		Method: "GET",
		URL:    &url.URL{Scheme: "http", Host: u.Host, Path: "/"},
		Header: http.Header{},
	})
	return ascii
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
