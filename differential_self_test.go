package berth_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
)

// The comparison is worth what it notices. These tests give it net/http itself,
// which must not differ, and transports with one fault each, which must.

func TestDifferentialAgainstItself(t *testing.T) {
	if testing.Short() {
		t.Skip("it tests the harness, not the engine")
	}
	quiet(t)
	for i, seed := range seeds() {
		vs := variants(seed.script())
		v := vs[i%min(2, len(vs))] // uncut is enough, over TCP or TLS
		if diff := compare(observe(v.script, netHTTP), observe(v.script, netHTTP)); diff != "" {
			t.Errorf("%s/%s: net/http differs from itself:\n%s", seed.name, v.name, diff)
		}
	}
}

func TestDifferentialNoticesFaults(t *testing.T) {
	quiet(t)
	for _, fault := range []struct {
		name    string
		showsIn string // a seed
		subject subject
	}{
		{"drops trailers", "chunked, with trailers", altered(dropTrailer)},
		{"takes a truncated body for a whole one", "length, truncated", altered(hideTruncation)},
		{"loses a byte of the body", "until close", altered(dropByte)},
		{"keeps one value a header", "header many times", altered(dropValues)},
		{"keeps the encoding of what it decompressed", "gzip", altered(keepEncoding)},
		{"does not say that it timed out", "silence", wrapped(hideTimeout)},
		{"sends another header", "length", wrapped(addHeader)},
		{"sends again what it must not", "stale, and not sent again", wrapped(sendAgain)},
		{"keeps no connection", "length", configured(func(t *http.Transport) { t.MaxIdleConnsPerHost = -1 })},
		{"does not limit heads", "header over the limit", configured(func(t *http.Transport) { t.MaxResponseHeaderBytes = 0 })},
		{"uses what is not clean", "and a second response", carelessly},
		{"uses what the server has left", "length, and the server leaves", carelessly},
		{"drains what is not clean", "closed half read, and more behind it", carelessly},
		{"drains what the server has left", "closed half read, and the server leaves", carelessly},
	} {
		t.Run(fault.name, func(t *testing.T) {
			wantDifference(t, seedNamed(t, fault.showsIn), fault.subject)
		})
	}
}

func wantDifference(t *testing.T, s script, sub subject) {
	t.Helper()
	// A difference must hold against several looks at net/http, and on a loaded
	// machine net/http, too, may be late to see that a server left.
	for range 10 {
		if difference(s, sub) != "" {
			return
		}
	}
	t.Errorf("%q, %s, does not show it", s.response, s.knobs)
}

// The careless transport differs in what it does not look at and in nothing
// else, or its faults above would be noticed for another reason. It drains a
// body that is closed early, which is let through where it does no harm.
func TestDifferentialAllows(t *testing.T) {
	quiet(t)
	for _, name := range []string{
		"length",
		"chunked, with trailers",
		"closed unread",
		"closed half read",
		"closed half read, chunked",
		"closed half read, then stale",
	} {
		if diff := difference(seedNamed(t, name), carelessly); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func seedNamed(t *testing.T, name string) script {
	t.Helper()
	for _, s := range seeds() {
		if s.name == name {
			return s.script()
		}
	}
	t.Fatalf("no seed is named %q", name)
	return script{}
}

// wrapped is net/http with another RoundTrip.
func wrapped(roundTrip func(*http.Transport, *http.Request) (*http.Response, error)) subject {
	return subject{readsAhead: true, like: func(t *http.Transport) http.RoundTripper {
		return &wrapper{t, roundTrip}
	}}
}

type wrapper struct {
	*http.Transport
	roundTrip func(*http.Transport, *http.Request) (*http.Response, error)
}

func (w *wrapper) RoundTrip(req *http.Request) (*http.Response, error) {
	return w.roundTrip(w.Transport, req)
}

// altered is net/http that does something to each response.
func altered(alter func(*http.Response)) subject {
	return wrapped(func(t *http.Transport, req *http.Request) (*http.Response, error) {
		resp, err := t.RoundTrip(req)
		if err == nil {
			alter(resp)
		}
		return resp, err
	})
}

// configured is net/http with another setting.
func configured(set func(*http.Transport)) subject {
	return subject{readsAhead: true, like: func(t *http.Transport) http.RoundTripper {
		set(t)
		return t
	}}
}

func dropTrailer(resp *http.Response) {
	resp.Body = &hooked{resp.Body, func(err error) error {
		resp.Trailer = nil
		return err
	}}
}

func hideTruncation(resp *http.Response) {
	resp.Body = &hooked{resp.Body, func(err error) error {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return io.EOF
		}
		return err
	}}
}

func dropByte(resp *http.Response) {
	io.ReadFull(resp.Body, make([]byte, 1))
}

func dropValues(resp *http.Response) {
	for name, values := range resp.Header {
		resp.Header[name] = values[:1]
	}
}

func keepEncoding(resp *http.Response) {
	resp.Header.Set("Content-Encoding", "gzip")
}

func hideTimeout(t *http.Transport, req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTrip(req)
	if err != nil {
		err = errors.New(err.Error())
	}
	return resp, err
}

func addHeader(t *http.Transport, req *http.Request) (*http.Response, error) {
	req.Header.Set("X-Berth", "1")
	return t.RoundTrip(req)
}

func sendAgain(t *http.Transport, req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTrip(req)
	if err != nil && req.GetBody != nil {
		req.Body, _ = req.GetBody()
		return t.RoundTrip(req)
	}
	return resp, err
}

// hooked is a body whose errors, io.EOF included, pass through a function.
type hooked struct {
	io.ReadCloser
	hook func(error) error
}

func (b *hooked) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		err = b.hook(err)
	}
	return n, err
}

// carelessly uses one connection for everything, whatever has come of it.
var carelessly = subject{like: func(t *http.Transport) http.RoundTripper {
	return &careless{transport: t}
}}

type careless struct {
	transport *http.Transport
	conn      net.Conn
	r         *bufio.Reader
}

func (c *careless) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.try(req)
	if err != nil {
		c.Close()
		if req.Method == http.MethodGet {
			return c.try(req)
		}
	}
	return resp, err
}

func (c *careless) try(req *http.Request) (resp *http.Response, err error) {
	if c.conn == nil {
		c.conn, err = c.transport.DialContext(req.Context(), "tcp", req.URL.Host+":80")
		if err != nil {
			return nil, err
		}
		c.r = bufio.NewReader(c.conn)
	}
	sent := req.Clone(req.Context())
	sent.Header.Set("Accept-Encoding", "gzip")
	if err := sent.Write(c.conn); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.r, req) // its body drains itself in Close
}

func (c *careless) Close() error {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	return nil
}
