package berth_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/berth-go/berth"
)

// The engine against net/http: a scripted server answers each of the two with
// the same bytes, and what a caller and the server see has to be the same.

// A subject is a transport to look at.
type subject struct {
	// like returns it with the settings of t.
	like func(t *http.Transport) http.RoundTripper

	// readsAhead says that it reads on idle connections, as net/http does, and
	// so finds out by itself that one is no longer clean. Any other has to look
	// at a connection's descriptor before it uses it, and is given a plain
	// *net.TCPConn, as a net.Dialer does.
	readsAhead bool
}

var netHTTP = subject{
	like:       func(t *http.Transport) http.RoundTripper { return t },
	readsAhead: true,
}

// underTest is what is compared with netHTTP.
var underTest = subject{
	like: func(t *http.Transport) http.RoundTripper {
		return &berth.Transport{
			Proxy:                  t.Proxy,
			ProxyConnectHeader:     t.ProxyConnectHeader,
			OnProxyConnectResponse: t.OnProxyConnectResponse,
			DialContext:            t.DialContext,
			TLSClientConfig:        t.TLSClientConfig,
			DisableCompression:     t.DisableCompression,
			DisableKeepAlives:      t.DisableKeepAlives,
			MaxResponseHeaderBytes: t.MaxResponseHeaderBytes,
			ResponseHeaderTimeout:  t.ResponseHeaderTimeout,
			ExpectContinueTimeout:  t.ExpectContinueTimeout,
		}
	},
	readsAhead: !watches,
}

// differsOnPurpose are the differences that are meant. Each rule changes what is
// wanted of a script, from what net/http gives to what may be given instead.
// (Bytes behind a response are none: both discard the connection.)
var differsOnPurpose = []struct {
	why   string
	allow func(s script, want *outcome, got outcome)
}{
	{
		// Until Go 1.27, which drains too.
		why: "of a body that is closed early, what is here already is drained, and the connection kept, if its request is written by then",
		allow: func(s script, want *outcome, got outcome) {
			kept := got.Reused && !want.Reused
			if want.First.ReadToEnd || !kept && reflect.DeepEqual(want.First.Trailer, got.First.Trailer) {
				return
			}
			s.knobs = s.knobs&^(readPart|readNothing) | acceptGzip // whose body nobody decompresses
			drained := observe(s, netHTTP)
			want.First.Trailer = drained.First.Trailer // behind the body
			if kept {
				want.Reused, want.Dialed, want.Hops, want.Answers = drained.Reused, drained.Dialed, drained.Hops, drained.Answers
				want.Again, want.Second = drained.Again, drained.Second
			}
		},
	},
	{
		// Which is golang/go#15508.
		why: "a server that says it keeps the connection for no time, or for no more requests, is believed",
		allow: func(s script, want *outcome, got outcome) {
			if want.Reused && !got.Reused && saysLast(got.First.Header["Keep-Alive"]) && len(got.Dialed) == 2 && !got.Second.Failed {
				want.Reused, want.Dialed, want.Hops, want.Answers = false, got.Dialed, got.Hops, got.Answers
				want.Again, want.Second = got.Again, got.Second
			}
		},
	},
	{
		// net/http looks at the method only where it has a user (RFC 1928,
		// section 3, has one of those that were offered).
		why: "a SOCKS proxy that wants what it was not offered is refused",
		allow: func(s script, want *outcome, got outcome) {
			if s.wantsUnoffered() && got.First.FailedIn == "socks connect" {
				*want = got
			}
		},
	},
}

// saysLast reports whether a Keep-Alive keeps nothing.
func saysLast(keepAlive []string) bool {
	for part := range strings.SplitSeq(strings.Join(keepAlive, ","), ",") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.ToLower(strings.Trim(name, " \t"))
		if n, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 31); err == nil && n == 0 && (name == "timeout" || name == "max") {
			return true
		}
	}
	return false
}

// An outcome is all that is compared.
type outcome struct {
	Dialed   []string // the address of each connection
	Hops     []string // what each connection told its proxy
	Answers  []string // to CONNECT, as OnProxyConnectResponse saw them
	Heard    string   // request 1, as the server received it
	Switched string   // what it received behind a 101
	First    exchange
	Again    []string // request 2, each time that it was received
	Second   exchange // its body names the connection
	Reused   bool     // request 2 was sent on the connection of request 1

	// Lingered says that a transport that reads ahead kept a connection that the
	// server had left, or sent more on, until request 2 came.
	Lingered bool
}

// An exchange is what a caller sees of one request.
type exchange struct {
	Failed, Timeout bool
	FailedIn        string // what a net.OpError says, if that is its proxy's part
	Refusal         string // the error, if it is of an answer to CONNECT

	Status           string
	StatusCode       int
	Proto            string
	Header           http.Header
	ContentLength    int64
	TransferEncoding []string
	Uncompressed     bool
	Close            bool
	HasTLS           bool
	OwnRequest       bool // resp.Request is the request
	Writable         bool // the body is a connection that was switched
	HalfClosed       bool // and the client could have its say, and end its side

	Body                    string // up to the error, if there is one
	ReadToEnd               bool
	BodyFailed, BodyTimeout bool
	BodyTruncated           bool
	CloseFailed             bool
	ReadsAfterClose         bool
	Trailer                 http.Header
}

// observe runs the script with the transport.
func observe(s script, sub subject) outcome {
	wrapped := sub.readsAhead || s.knobs.any(foreign) || s.scriptsHop()
	server, err := startServer(s, wrapped)
	if err != nil {
		panic(err) // no loopback: nothing here can run
	}
	defer server.close()
	scheme := "http"
	if s.knobs.any(overTLS) {
		scheme = "https"
	}
	t := &http.Transport{
		DialContext:           server.dial,
		TLSClientConfig:       clientTLS().Clone(),
		DisableCompression:    s.knobs.any(noCompression),
		DisableKeepAlives:     s.knobs.any(noKeepAlives),
		ResponseHeaderTimeout: s.timeout(),
		ExpectContinueTimeout: s.timeout(),
	}
	if proxy := s.proxy(); proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
		t.ProxyConnectHeader = http.Header{"X-Connect": {"asked"}}
		t.OnProxyConnectResponse = server.connectAnswered
	}
	if s.knobs.any(smallHeader) {
		t.MaxResponseHeaderBytes = smallHeaderLimit
	}
	rt := sub.like(t)
	defer closeTransport(rt)

	ctx, cancel := context.WithTimeout(context.Background(), s.timeout())
	defer cancel()
	var out outcome
	out.First = perform(rt, s.request(ctx, scheme), s.knobs)
	if s.hop() != tunnelled || !s.scriptsHop() || s.ending() == resets || out.First.Timeout {
		out.First.Refusal = "" // others have words, or addresses, of their own
	}
	out.Lingered = !server.awaitQuiet()
	ctx, cancel = context.WithTimeout(context.Background(), hangTimeout)
	defer cancel()
	out.Second = perform(rt, s.second(ctx, scheme), 0)
	out.Second.Refusal = ""

	server.note(func() {
		out.Dialed, out.Hops, out.Answers = server.addrs, server.hops, server.answers
		out.Heard, out.Switched, out.Again, out.Reused = server.heard, server.switched, server.again, server.reused
	})
	return out
}

// awaitQuiet returns when nothing more happens on the connection of request 1,
// so that what the transport does with it is its decision and no race's. What
// the server has sent is then in the client's socket, since loopback takes no time
// (see ownWrites), and a transport that reads ahead has taken note of it, or else
// awaitQuiet returns false.
func (s *scriptedServer) awaitQuiet() bool {
	select {
	case <-s.played:
	case <-time.After(hangTimeout): // the request never came: the outcome says so
		return true
	}
	if !s.wrapped {
		return true
	}
	var first *wire
	s.note(func() { first = s.dialed[0] })
	return first.settle(s.script.ending())
}

func closeTransport(rt http.RoundTripper) {
	switch t := rt.(type) {
	case io.Closer:
		t.Close()
	case interface{ CloseIdleConnections() }:
		t.CloseIdleConnections()
	}
}

// perform does one request, and reads as much of the body as the knobs say.
func perform(rt http.RoundTripper, req *http.Request, k knobs) exchange {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return exchange{Failed: true, Timeout: isTimeout(err), FailedIn: proxyOp(err), Refusal: err.Error()}
	}
	w, writable := resp.Body.(io.Writer)
	x := exchange{
		Status:           resp.Status,
		StatusCode:       resp.StatusCode,
		Proto:            resp.Proto,
		Header:           resp.Header.Clone(),
		ContentLength:    resp.ContentLength,
		TransferEncoding: resp.TransferEncoding,
		Uncompressed:     resp.Uncompressed,
		Close:            resp.Close,
		HasTLS:           resp.TLS != nil,
		OwnRequest:       resp.Request == req,
		Writable:         writable,
	}
	if writable && !k.any(expect|early) { // see converses
		x.HalfClosed = say(w, "hello from the client")
	}
	x.readBody(resp.Body, k)
	x.Trailer = resp.Trailer
	return x
}

func (x *exchange) readBody(body io.ReadCloser, k knobs) {
	var got []byte
	var err error
	switch {
	case k.any(readNothing):
	case k.any(readPart):
		got = make([]byte, partRead)
		var n int
		n, err = io.ReadFull(body, got)
		got = got[:n]
	default:
		got, err = io.ReadAll(body)
		x.ReadToEnd = err == nil
	}
	x.Body, x.BodyFailed, x.BodyTimeout = string(got), err != nil, isTimeout(err)
	x.BodyTruncated = errors.Is(err, io.ErrUnexpectedEOF)
	err = body.Close()
	x.CloseFailed = err != nil && !x.Writable // TLS has a last word, and the server may be gone
	n, err := body.Read(make([]byte, 1))
	x.ReadsAfterClose = (n > 0 || err == nil) && !x.Writable // which has what is in the buffer
}

// say has the client have its say on a connection that was switched, and end its
// side.
func say(w io.Writer, word string) bool {
	_, err := io.WriteString(w, word)
	half, ok := w.(interface{ CloseWrite() error })
	return err == nil && ok && half.CloseWrite() == nil
}

// proxyOp returns the name of what failed, if net/http has a name for it that
// callers look for (golang/go#16997).
func proxyOp(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "proxyconnect" || op.Op == "socks connect") {
		return op.Op
	}
	return ""
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// difference runs the script with the subject and with net/http, and returns how
// they differ, or "". Net/http has three tries to show the same: it has timers of
// its own, such as the 50 ms that it gives a request to be written, and a busy
// machine can miss them.
func difference(s script, sub subject) (diff string) {
	got := observe(s, sub)
	for range 3 {
		want := observe(s, netHTTP)
		for _, rule := range differsOnPurpose {
			rule.allow(s, &want, got)
		}
		if diff = compare(want, got); diff == "" {
			break
		}
	}
	return diff
}

func compare(want, got outcome) string {
	var diff strings.Builder
	compareFields(&diff, "", reflect.ValueOf(want), reflect.ValueOf(got))
	return diff.String()
}

func compareFields(diff *strings.Builder, name string, want, got reflect.Value) {
	if want.Kind() == reflect.Struct {
		for i := range want.NumField() {
			compareFields(diff, name+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i))
		}
		return
	}
	if w, g := want.Interface(), got.Interface(); !reflect.DeepEqual(w, g) {
		fmt.Fprintf(diff, "%s: net/http %#v, here %#v\n", name, w, g)
	}
}

func TestDifferential(t *testing.T) {
	quiet(t)
	for _, seed := range plainSeeds {
		for _, v := range variants(seed.script()) {
			checkDifference(t, seed, v, foreign)
		}
	}
	// Those are the paths that a response takes. The others have a look each at
	// it whole and cut, and FuzzEngine has the rest.
	for _, seed := range seeds()[len(plainSeeds):] {
		vs := variants(seed.script())
		checkDifference(t, seed, vs[0], foreign)
		if len(vs) > 1 && !seed.knobs.any(stall) {
			checkDifference(t, seed, vs[len(vs)-1], 0)
		}
	}
}

// checkDifference runs a seed's variant, and again with the other knobs, if
// there are any.
func checkDifference(t *testing.T, seed seed, v variant, other knobs) {
	t.Run(seed.name+"/"+v.name, func(t *testing.T) {
		for _, k := range slices.Compact([]knobs{0, other}) {
			if k == foreign && v.scriptsHop() {
				continue // it is anyway
			}
			if diff := difference(v.script.with(k), underTest); diff != "" {
				t.Errorf("%s\n%s", v.script.with(k).knobs, diff)
			}
		}
	})
}

// FuzzEngine changes what the server sends, where it is cut, and the knobs. Run it
// with -fuzzminimizetime=20x: by default, Go spends up to a minute on making an
// input smaller that is merely interesting.
func FuzzEngine(f *testing.F) {
	quiet(f)
	if flag.Lookup("test.fuzz").Value.String() != "" { // else TestDifferential has been there
		addSeeds(f)
	}
	f.Fuzz(func(t *testing.T, response, cuts []byte, k uint32) {
		if len(response) > 32<<10 {
			t.Skip("more than the socket's buffers may take while nobody reads")
		}
		s := script{knobs(k) & fuzzable, string(response), cuts}
		if diff := difference(s, underTest); diff != "" {
			t.Errorf("knobs %s\n%s", s.knobs, diff)
		}
	})
}

func addSeeds(f *testing.F) {
	for _, seed := range seeds() {
		s := seed.script()
		if s.knobs.any(stall) {
			continue
		}
		for _, v := range variants(s) {
			f.Add([]byte(v.response), v.cuts, uint32(v.knobs))
		}
	}
}

type variant struct {
	name string
	script
}

// variants are the ways in which the bytes of a script can arrive.
func variants(s script) []variant {
	single := make([]byte, len(s.response))                 // a byte a piece
	together := bytes.Repeat([]byte{0x80}, len(s.response)) // and all in one write
	over := s.knobs | overTLS
	vs := []variant{
		{"tcp", script{s.knobs, s.response, nil}},
		{"tls", script{over, s.response, nil}},
	}
	if s.knobs.any(viaProxy) && s.knobs.any(hopScript) {
		vs = vs[1:] // there is no CONNECT without TLS
	}
	switch {
	case s.knobs.any(stall) || s.response == "":
		return vs // slow, or nothing to cut
	case s.hop() != direct:
		return append(vs, variant{"tls, byte by byte", script{over, s.response, single}})
	}
	return append(vs,
		variant{"tcp, byte by byte", script{s.knobs, s.response, single}},
		variant{"tls, a record a byte", script{over, s.response, single}},
		variant{"tls, a record a byte, coalesced", script{over, s.response, together}},
	)
}

// quiet drops what net/http logs about bytes on idle connections.
func quiet(tb testing.TB) {
	before := log.Writer()
	log.SetOutput(io.Discard)
	tb.Cleanup(func() { log.SetOutput(before) })
}
