package berth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// RoundTrip makes one exchange, as http.RoundTripper says: it returns a
// response if it got one, whatever its status, and closes the request's body
// always, possibly after it returned. The caller closes the response's body;
// a body that is read to its end gave the connection back before.
//
// A request is made a second time by net/http's rules only. Over HTTP/1: on a
// connection that was used before, if nothing of it was written, or if it is
// idempotent and no byte of a response came. Over HTTP/2: if the server says, or
// its connection, that it was not processed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body := newRequestBody(req)
	if t.hasAlt.Load() {
		resp, rewound, done, err := t.altRoundTrip(req, body)
		if done {
			return resp, err
		}
		body = rewound
	}
	where, err := t.admit(req)
	if err != nil {
		body.Close()
		return nil, err
	}
	if t.budget.closeIdle.Load() {
		t.budget.closeIdle.Store(false)
	}
	x := t.newExchange(req, body, where)
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
			if l.c.mux == nil {
				x.giveBack(closedByPeer)
			}
			return nil, rewindErr
		}
		x = next
		l, err = x.reacquire(l)
	}
}

// run makes the exchange on what l leases. If it fails and retry is true, a lease
// of HTTP/1 is still x's to give back; else it has been.
func (x *exchange) run(l *lease) (resp *http.Response, retry bool, err error) {
	x.traceGotConn(l)
	if x.want.tell.on() {
		x.want.tell.acquired(l, time.Since(x.watched.asked))
	}
	x.hold(l)
	var failed *failure
	if l.c.mux != nil {
		resp, failed = x.stream()
	} else {
		resp, failed = x.http1()
	}
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
	case failed.refused:
		x.t.restore(x.lease)
		retry, err = x.mayTryElsewhere(err)
		return nil, retry, err
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
	refused bool // HTTP/2: the server did not process the request
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
func (t *Transport) admit(req *http.Request) (route, error) {
	if err := validate(req); err != nil {
		return route{}, err
	}
	if err := t.conflict(req.URL.Scheme); err != nil {
		return route{}, err
	}
	if err := req.Context().Err(); err != nil {
		return route{}, context.Cause(req.Context())
	}
	select {
	case <-req.Cancel:
		return route{}, errRequestCanceled
	default:
	}
	return t.route(req)
}

// altRoundTrip makes a request by a registered protocol. done is false if there
// is none for it, or if it declined: the request's body is rewound then.
func (t *Transport) altRoundTrip(req *http.Request, body *requestBody) (resp *http.Response, rewound *requestBody, done bool, err error) {
	if req.URL == nil || req.URL.Scheme == "https" && isWebSocket(req) {
		return nil, body, false, nil // as in net/http, where HTTP/2 is a protocol that is registered for https
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

// says reports whether the request's field has the token, which is in lower
// case, as net/http reads a field that its user wrote: the first value, divided
// by spaces as well as by commas.
func says(req *http.Request, field, token string) bool {
	values := req.Header[field]
	if len(values) == 0 {
		return false
	}
	for word := range strings.FieldsFuncSeq(values[0], divides) {
		if equalASCII(word, token) {
			return true
		}
	}
	return false
}

func divides(r rune) bool { return r == ' ' || r == ',' || r == '\t' }

// equalASCII ignores the case of ASCII letters, and no other: those that fold into
// ASCII are longer.
func equalASCII(s, token string) bool { return len(s) == len(token) && strings.EqualFold(s, token) }

func wantsClose(req *http.Request) bool { return req.Close || says(req, "Connection", "close") }

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
	if h.Get("Upgrade") == "" {
		return false
	}
	for _, list := range h["Connection"] {
		for part := range strings.SplitSeq(list, ",") {
			if equalASCII(strings.Trim(part, " \t"), "upgrade") {
				return true
			}
		}
	}
	return false
}
