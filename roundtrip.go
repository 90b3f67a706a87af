package berth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// RoundTrip makes one exchange, as http.RoundTripper says: it returns a
// response if it got one, whatever its status, and closes the request's body
// always, possibly after it returned. The caller closes the response's body;
// a body that is read to its end gave the connection back before.
//
// A request is made a second time by net/http's rules only: on a connection
// that was used before, if nothing of it was written, or if it is idempotent
// and no byte of a response came.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body := newRequestBody(req)
	if t.hasAlt.Load() {
		resp, rewound, done, err := t.altRoundTrip(req, body)
		if done {
			return resp, err
		}
		body = rewound
	}
	key, err := t.admit(req)
	if err != nil {
		body.Close()
		return nil, err
	}
	if t.budget.closeIdle.Load() {
		t.budget.closeIdle.Store(false)
	}
	x := t.newExchange(req, body, key)
	l, err := x.acquire()
	for {
		if err != nil {
			x.body.Close()
			return nil, err
		}
		var resp *http.Response
		var retry bool
		if resp, retry, err = x.run(l); err == nil {
			return resp, nil
		}
		if !retry {
			x.body.Close()
			return nil, err
		}
		next, rewindErr := x.again()
		if rewindErr != nil {
			x.giveBack(closedByPeer)
			return nil, rewindErr
		}
		x = next
		l, err = x.reacquire(l)
	}
}

// run makes the exchange on what l leases. If it fails and retry is true, l is
// still x's to give back; else it has been.
func (x *exchange) run(l *lease) (resp *http.Response, retry bool, err error) {
	x.traceGotConn(l)
	x.hold(l)
	resp, failed := x.http1()
	if failed == nil {
		return resp, false, nil
	}
	mine := x.claim(nil)
	if x.up != nil {
		x.c.nc.Close() // or the upload may never end
		x.up.wait()
		x.up.explain(failed)
	}
	err, cut := x.because(failed.err)
	switch {
	case !mine: // who cut it gave the connection back
	case cut:
		x.giveBack(closedCanceled)
	case x.mayRetry(failed):
		return nil, true, err
	default:
		x.giveBack(closedByError)
	}
	return nil, false, err
}

// failure is how an exchange failed: as much as a retry must know.
type failure struct {
	err     error
	unsent  bool // no byte of the request was written
	noReply bool // no byte of a response came
	deaf    bool // writing had failed before, and reading therefore
}

// mayRetry is net/http's shouldRetryRequest, as its documentation has it: what
// broke while it was written is made again too, if it is idempotent.
func (x *exchange) mayRetry(f *failure) bool {
	switch {
	case !x.lease.reused:
		// A new connection's failure is no keep-alive race: a retry could go on
		// for ever.
		return false
	case f.unsent:
		return x.body == nil || x.req.GetBody != nil
	}
	return f.noReply && replayable(x.req)
}

// admit says where a request goes, or what is wrong with it.
func (t *Transport) admit(req *http.Request) (hostKey, error) {
	if err := validate(req); err != nil {
		return hostKey{}, err
	}
	if err := t.unsupported(req.URL.Scheme); err != nil {
		return hostKey{}, err
	}
	if err := req.Context().Err(); err != nil {
		return hostKey{}, context.Cause(req.Context())
	}
	select {
	case <-req.Cancel:
		return hostKey{}, errRequestCanceled
	default:
	}
	if t.Proxy != nil {
		proxy, err := t.Proxy(req)
		if err != nil {
			return hostKey{}, err
		}
		if proxy != nil {
			return hostKey{}, fmt.Errorf("berth: %s is to go through the proxy %s, but proxies do not work yet", req.URL.Redacted(), proxy.Redacted())
		}
	}
	return hostKey{scheme: req.URL.Scheme, addr: canonicalAddr(req.URL)}, nil
}

// altRoundTrip makes a request by a registered protocol. done is false if there
// is none for it, or if it declined: the request's body is rewound then.
func (t *Transport) altRoundTrip(req *http.Request, body *requestBody) (resp *http.Response, rewound *requestBody, done bool, err error) {
	if req.URL == nil {
		return nil, body, false, nil
	}
	t.mu.RLock()
	rt := t.alt[req.URL.Scheme]
	t.mu.RUnlock()
	if rt == nil {
		return nil, body, false, nil
	}
	alt := req
	if body != nil {
		alt = new(http.Request)
		*alt = *req
		alt.Body = body
	}
	resp, err = rt.RoundTrip(alt)
	if err != http.ErrSkipAltProtocol {
		return resp, nil, true, err
	}
	rewound, err = body.rewind(req)
	return nil, rewound, err != nil, err
}

// validate has net/http's checks and texts.
func validate(req *http.Request) error {
	if req.URL == nil {
		return errors.New("http: nil Request.URL")
	}
	if req.Header == nil {
		return errors.New("http: nil Request.Header")
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return fmt.Errorf("unsupported protocol scheme %q", s)
	}
	if bad := invalidHeader(req.Header); bad != "" {
		return fmt.Errorf("net/http: invalid header %s", bad)
	}
	if bad := invalidHeader(req.Trailer); bad != "" {
		return fmt.Errorf("net/http: invalid trailer %s", bad)
	}
	if req.Method != "" && !isToken(req.Method) {
		return fmt.Errorf("net/http: invalid method %q", req.Method)
	}
	if req.URL.Host == "" {
		return errors.New("http: no Host in request URL")
	}
	return nil
}

// invalidHeader names the first field that can't be sent. It leaves out the
// value, which may be a secret.
func invalidHeader(h http.Header) string {
	for name, values := range h {
		if !isToken(name) {
			return fmt.Sprintf("field name %q", name)
		}
		for _, v := range values {
			if !isFieldValue(v) {
				return fmt.Sprintf("field value for %q", name)
			}
		}
	}
	return ""
}

// canonicalAddr returns the URL's host and port, the port always.
func canonicalAddr(u *url.URL) string {
	name, port := u.Hostname(), u.Port()
	if !isASCII(name) {
		name = asciiHost(u, name)
	}
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	} else if len(u.Host) == len(name)+1+len(port) {
		return u.Host // the common case, without an allocation
	}
	return net.JoinHostPort(name, port)
}

// asciiHost returns an international name as DNS has it. The mapping (UTS 46)
// is net/http's own, whose tables the standard library does not offer: a
// Transport that dials nowhere is asked for the address that it would dial.
func asciiHost(u *url.URL, name string) string {
	ascii := name
	ask := http.Transport{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
		ascii, _, _ = net.SplitHostPort(addr)
		return nil, errors.New("only asking")
	}}
	ask.RoundTrip(&http.Request{
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

// tokenChars are RFC 9110's, section 5.6.2.
var tokenChars = func() (is [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		is[c] = true
	}
	return is
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenChars[s[i]] {
			return false
		}
	}
	return s != ""
}

// isFieldValue allows all but control characters, tabs excepted (RFC 9110,
// section 5.5; bytes from 0x80 on are opaque).
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// hasToken reports whether one of the comma-separated lists has the token, which
// is in lower case.
func hasToken(lists []string, token string) bool {
	for _, list := range lists {
		for part := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

func wantsClose(req *http.Request) bool {
	return req.Close || hasToken(req.Header["Connection"], "close")
}

// asksForGzip reports whether gzip is to be asked for: not where the request
// has its own idea, nor for a range, of which a part can't be undone
// (golang/go#8923), nor for HEAD (golang/go#5522).
func asksForGzip(req *http.Request) bool {
	return req.Header.Get("Accept-Encoding") == "" && req.Header.Get("Range") == "" && req.Method != "HEAD"
}

// replayable is net/http's isReplayable.
func replayable(req *http.Request) bool {
	if hasBody(req) && req.GetBody == nil {
		return false
	}
	switch req.Method {
	case "", "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	_, xkey := req.Header["X-Idempotency-Key"]
	return key || xkey
}

// upgrades reports whether a header asks for, or grants, another protocol.
func upgrades(h http.Header) bool {
	return h.Get("Upgrade") != "" && hasToken(h["Connection"], "upgrade")
}
