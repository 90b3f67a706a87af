package a

import (
	"context"
	"net"
	"net/http"
	"net/url"
)

var off = &http.Transport{
	MaxIdleConns:      100,
	DisableKeepAlives: true, // want `keep-alives are off: every request makes a connection`
}

var onlyOff = http.Transport{DisableKeepAlives: true} // want `keep-alives are off`

func byTheEnvironment(t *http.Transport) {
	t.Proxy = http.ProxyFromEnvironment
	t.DisableKeepAlives = true // want `keep-alives are off`
}

var byEnvironment = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true} // want `keep-alives are off`

func assigned(t *http.Transport) {
	t.DisableKeepAlives = true // want `keep-alives are off`
}

func request() {
	req, _ := http.NewRequest("GET", "http://x", nil)
	req.Close = true                      // want `the connection is closed after this request, and the next one makes another`
	req.Header.Set("connection", "Close") // want `the connection is closed after this request`
	req.Header.Add("Connection", "close") // want `the connection is closed after this request`
	http.DefaultClient.Do(req)
}

func restated(req *http.Request) {
	// Set connection parameter to close the connection immediately when we've got the response
	req.Close = true // want `the connection is closed after this request`
}

func byDefault(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // want `keep-alives are off`
	}
	return c
}

// What follows is right.

type options struct{ once bool }

func byOption(o options) *http.Transport {
	return &http.Transport{DisableKeepAlives: o.once}
}

var on = &http.Transport{DisableKeepAlives: false}

func handler(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	r.Close = true
	r.Header.Set("Connection", "close")
}

func upgrade(req *http.Request) {
	req.Header.Set("Connection", "Upgrade")
}

type other struct{ Close, DisableKeepAlives bool }

func others(o *other) {
	o.Close = true
	o.DisableKeepAlives = true
}

// So is what says why, or when.
func explained(req *http.Request, last bool) {
	// the device can't do two
	req.Close = true
	http.DefaultClient.Do(req)

	if last {
		req.Close = true
	}
}

func proxies(t *http.Transport, next func(*http.Request) (*url.URL, error)) {
	t.Proxy = next
	t.DisableKeepAlives = true
}

var proxy = &http.Transport{Proxy: http.ProxyURL(nil), DisableKeepAlives: true}

func meant(req *http.Request) {
	req.Close = true //nolint:berth // the device can't do two
}

// Their Transport is for the call alone, and would leave its connections behind.
func Brief(url string) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	c.Get(url)
}

func BriefRequest(req *http.Request) {
	c := &http.Client{Transport: &http.Transport{}}
	req.Close = true
	c.Do(req)
}

// A helper makes it, for the call alone.
func helped(url string) { newBrief().Get(url) }

func newBrief() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// There are no ports in it.
func socket(path string) *http.Transport {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	tr.DisableKeepAlives = true
	return tr
}

// spray makes a Transport for one request to each of many hosts: without keep-alives.
func spray() *http.Transport {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.DisableKeepAlives = true
	return tr
}

// newDialing dials with a TCP keep-alive of 30 seconds.
func newDialing() *http.Transport {
	return &http.Transport{DisableKeepAlives: true} // want `keep-alives are off`
}

// A request that is written to a connection here.
func written(conn net.Conn, r *http.Request) error {
	r.Header.Set("Connection", "close")
	return r.Write(conn)
}

type tunnels struct{}

func (tunnels) open(ctx context.Context, to string) (net.Conn, error) { return nil, nil }

// Connections of another kind.
func through(t tunnels) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, network, addr string) (net.Conn, error) { return t.open(ctx, addr) },
	}}
}

// And net's.
func dialed(d *net.Dialer) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, // want `keep-alives are off`
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp4", addr)
		},
	}}
}
