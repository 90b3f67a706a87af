// The shapes in which connections are kept from being used again, and beside each the
// one that is right.
package shapes

import (
	"context"
	"net"
	"net/http"
	"net/url"
)

var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // want `keep-alives are off`

var plainRight = &http.Client{Transport: &http.Transport{DisableKeepAlives: false}}

type api struct {
	client *http.Client
	close  bool
}

func (a *api) method(req *http.Request) {
	req.Close = true // want `the connection is closed after this request`
	a.client.Do(req)
}

func (a *api) methodRight(req *http.Request) {
	req.Close = a.close
	a.client.Do(req)
}

func closure() func(*http.Request) {
	return func(req *http.Request) {
		req.Header.Set("Connection", "close") // want `the connection is closed after this request`
		plainRight.Do(req)
	}
}

func closureRight() func(*http.Request) {
	return func(req *http.Request) {
		req.Header.Set("Connection", "keep-alive")
		plainRight.Do(req)
	}
}

func helper() *http.Client { return &http.Client{Transport: newOff()} }

func newOff() *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true, // want `keep-alives are off`
	}
}

// helperRight has a pool for the one call.
func helperRight(url string) { newBriefly().Get(url) }

func newBriefly() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

func iface() http.RoundTripper {
	var rt http.RoundTripper = &http.Transport{DisableKeepAlives: true} // want `keep-alives are off`
	return rt
}

func ifaceRight(next func(*http.Request) (*url.URL, error)) http.RoundTripper {
	return &http.Transport{Proxy: next, DisableKeepAlives: true} // it asks for each connection
}

func generic[T any](req *http.Request, decode func(*http.Response) T) T {
	req.Close = true // want `the connection is closed after this request`
	resp, _ := plainRight.Do(req)
	return decode(resp)
}

func genericRight[T any](req *http.Request, decode func(*http.Response) T) T {
	req.Close = true // the gateway answers the second request of a connection with the first's body
	resp, _ := plainRight.Do(req)
	return decode(resp)
}

func loop(reqs []*http.Request) {
	for _, req := range reqs {
		req.Close = true // want `the connection is closed after this request`
		plainRight.Do(req)
	}
}

func loopRight(reqs []*http.Request) {
	for i, req := range reqs {
		if i == len(reqs)-1 {
			req.Close = true
		}
		plainRight.Do(req)
	}
}

func handler(w http.ResponseWriter, r *http.Request) {
	req, _ := http.NewRequest("GET", "http://backend", nil)
	req.Close = true // want `the connection is closed after this request`
	plainRight.Do(req)
}

func handlerRight(w http.ResponseWriter, r *http.Request) {
	r.Close = true // the server's
}

type option func(*http.Transport)

func options(opts ...option) *http.Transport {
	tr := &http.Transport{}
	tr.DisableKeepAlives = true // want `keep-alives are off`
	for _, o := range opts {
		o(tr)
	}
	return tr
}

func withoutKeepAlives() option {
	return func(tr *http.Transport) {
		tr.DisableKeepAlives = true // want `keep-alives are off`
	}
}

// withKeepAlives says whether connections are kept alive.
func withKeepAlives(on bool) option {
	return func(tr *http.Transport) { tr.DisableKeepAlives = !on }
}

// A prober binds each connection to the interface that it looks at.
type prober struct {
	client *http.Client
	from   net.Addr
}

func newProber() *prober {
	p := &prober{}
	p.client = &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
	return p
}

func (p *prober) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: p.from}
	return d.DialContext(ctx, network, addr)
}

// A patient dials as all do, but longer.
type patient struct{ client *http.Client }

func newPatient() *patient {
	p := &patient{}
	p.client = &http.Client{Transport: &http.Transport{
		DialContext:       p.dial,
		DisableKeepAlives: true, // want `keep-alives are off`
	}}
	return p
}

func (p *patient) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 60e9}
	return d.DialContext(ctx, network, addr)
}

const metadataIP = "169.254.169.254"

type metadata struct {
	client *http.Client
	url    string
}

func newMetadata() *metadata {
	return &metadata{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, url: "http://" + metadataIP}
}

func newService() *metadata {
	return &metadata{
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, // want `keep-alives are off`
		url:    "http://169.254.0.1",
	}
}
