package berth_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"
)

// A script is one comparison: what the client asks and how it reads, and the
// bytes that the server answers with.
type script struct {
	knobs    knobs
	response string
	cuts     []byte // see pieces
}

// knobs turn everything about a script that is not its bytes. They are bits, so
// that a fuzzer can turn them.
type knobs uint32

const (
	overTLS knobs = 1 << iota

	// The request: GET, if none of these.
	head
	post
	sized   // POST with a body of known length
	chunked // POST with a body of unknown length
	large   // POST with a body that no write buffer holds
	expect  // Expect: 100-continue: the server answers before it reads the body
	early   // the same without being asked to
	ranged
	acceptGzip // asked for by the caller, so nobody decompresses
	closeRequest

	// The transport.
	foreign // its connections are of a type that it does not know
	noCompression
	noKeepAlives
	smallHeader // a MaxResponseHeaderBytes that a test can exceed

	// The caller reads all of the body, if none of these.
	readPart
	readNothing

	// What the server does behind its response. If none of these, it keeps the
	// connection, unless the client would wait for more.
	endClose  // as a server does that ends well: close_notify, FIN
	endCut    // FIN alone: over TLS, a truncation
	endNotify // close_notify alone
	endReset

	// Request 2.
	hangUp     // on a reused connection, the server closes instead of answering
	secondPost // it is not idempotent: it must not be sent again

	// The way to the host. It is direct, if none of the first two; viaSOCKS is
	// the stronger one.
	viaProxy  // an HTTP proxy: asked for the URL, or, with overTLS, for a tunnel
	viaSOCKS  // a SOCKS proxy
	proxyTLS  // the HTTP proxy is spoken to over TLS
	proxyUser // its URL has a user and a password
	hopScript // the script is the proxy's answer to CONNECT, or its SOCKS replies

	// More of the request.
	trailers  // with a body of unknown length: behind it, trailers
	upgrade   // asks for another protocol
	elsewhere // request 2 is for another host

	fuzzable knobs = 1<<iota - 1

	// stall keeps the connection where the client waits for more. It costs the
	// timeout, so it is not for the fuzzer.
	stall knobs = 1 << 31
)

var knobNames = map[knobs]string{
	overTLS: "overTLS", head: "head", post: "post", sized: "sized", chunked: "chunked", large: "large",
	expect: "expect", early: "early", ranged: "ranged", acceptGzip: "acceptGzip", closeRequest: "closeRequest",
	foreign: "foreign", noCompression: "noCompression", noKeepAlives: "noKeepAlives", smallHeader: "smallHeader",
	readPart: "readPart", readNothing: "readNothing",
	endClose: "endClose", endCut: "endCut", endNotify: "endNotify", endReset: "endReset",
	hangUp: "hangUp", secondPost: "secondPost",
	viaProxy: "viaProxy", viaSOCKS: "viaSOCKS", proxyTLS: "proxyTLS", proxyUser: "proxyUser", hopScript: "hopScript",
	trailers: "trailers", upgrade: "upgrade", elsewhere: "elsewhere", stall: "stall",
}

func (k knobs) String() string {
	var set []string
	for bit := knobs(1); bit != 0; bit <<= 1 {
		if k.any(bit) {
			set = append(set, knobNames[bit])
		}
	}
	return strings.Join(set, "|")
}

func (k knobs) any(of knobs) bool { return k&of != 0 }

const (
	smallHeaderLimit = 256
	partRead         = 7
	hangTimeout      = 2 * time.Second        // only a transport that hangs takes so long
	stallTimeout     = 100 * time.Millisecond // what a script that stalls takes
)

func (s script) with(k knobs) script {
	s.knobs |= k
	return s
}

// pieces cuts the response: byte i of cuts gives the length of piece i, less one,
// in its low seven bits; the high bit holds the piece back, to go out in one
// write with the next one. What cuts do not reach is the last piece. Over TLS,
// a piece is a record.
func (s script) pieces() []piece {
	var ps []piece
	rest := s.response
	for _, c := range s.cuts {
		if rest == "" {
			break
		}
		n := min(int(c&0x7f)+1, len(rest))
		ps = append(ps, piece{rest[:n], c&0x80 != 0})
		rest = rest[n:]
	}
	if rest != "" {
		ps = append(ps, piece{rest, false})
	}
	return ps
}

type piece struct {
	bytes string
	held  bool
}

// answersEarly reports whether the server answers before it has read the
// request's body.
func (s script) answersEarly() bool {
	return s.knobs.any(expect | early)
}

// An ending is what the server does behind its response.
type ending int

const (
	keeps ending = iota
	closes
	cuts
	notifies
	resets
)

func (s script) ending() ending {
	switch k := s.knobs; {
	case k.any(stall):
		return keeps
	case k.any(endReset) && s.mayReset():
		return resets
	case k.any(endNotify) && s.inTLS():
		return notifies
	case k.any(endCut):
		return cuts
	case k.any(endClose) || !s.complete():
		return closes
	}
	return keeps
}

// inTLS reports whether TLS is what the script is spoken in.
func (s script) inTLS() bool {
	if s.scriptsHop() {
		return s.proxyOverTLS()
	}
	return s.knobs.any(overTLS) || s.proxyOverTLS()
}

// mayReset reports whether a reset has one outcome only. It has several where it
// meets a request that is still being written, or a response that did not fit
// the socket's buffers; and elsewhere than on Linux, it takes back what the
// client has not read yet.
func (s script) mayReset() bool {
	return runtime.GOOS == "linux" && !s.answersEarly() && len(s.response) < 16<<10
}

// complete reports whether a client can read the response to its end, or fail,
// without asking for a byte behind it. Where it would ask, a server that keeps
// the connection would leave it waiting for ever.
func (s script) complete() bool {
	if s.scriptsHop() {
		return s.hopComplete()
	}
	behind := &tripwire{}
	r := bufio.NewReader(io.MultiReader(strings.NewReader(s.response), behind))
	resp, err := readFinalResponse(r, s.request(context.Background(), "http"))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	// The body behind a 101 is the connection.
	return !behind.touched && (err != nil || resp.StatusCode != http.StatusSwitchingProtocols)
}

// converses reports whether the script ends in another protocol, in which the
// client has the first word and the server the last. It has none where it
// answered early: net/http may still be writing the request's body then, in
// between.
func (s script) converses() bool {
	if s.answersEarly() || s.scriptsHop() {
		return false
	}
	resp, err := readFinalResponse(bufio.NewReader(strings.NewReader(s.response)), s.request(context.Background(), "http"))
	return err == nil && resp.StatusCode == http.StatusSwitchingProtocols &&
		resp.Header.Get("Upgrade") != "" && hasUpgrade(resp.Header["Connection"])
}

func hasUpgrade(lists []string) bool {
	for part := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		if strings.EqualFold(strings.Trim(part, " \t"), "upgrade") {
			return true
		}
	}
	return false
}

// readFinalResponse reads over the informational responses, as a Transport does.
func readFinalResponse(r *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(r, req)
		if err != nil || resp.StatusCode < 100 || resp.StatusCode > 199 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

// A tripwire is at its end, and knows whether somebody came to see.
type tripwire struct{ touched bool }

func (t *tripwire) Read([]byte) (int, error) {
	t.touched = true
	return 0, io.EOF
}

// request is request 1 of the script.
func (s script) request(ctx context.Context, scheme string) *http.Request {
	k := s.knobs
	method, body := http.MethodGet, io.Reader(nil)
	switch {
	case k.any(large):
		method, body = http.MethodPost, bytes.NewReader(make([]byte, 20_000))
	case k.any(chunked):
		method, body = http.MethodPost, struct{ io.Reader }{strings.NewReader("hello")}
	case k.any(sized):
		method, body = http.MethodPost, strings.NewReader("hello")
	case k.any(post):
		method = http.MethodPost
	case k.any(head):
		method = http.MethodHead
	}
	req := newRequest(ctx, method, scheme+"://berth.test/1?q=a%20b#part", body)
	if k.any(trailers) {
		addTrailers(req, k)
	}
	if k.any(upgrade) {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
	}
	if k.any(expect) {
		req.Header.Set("Expect", "100-continue")
	}
	if k.any(ranged) {
		req.Header.Set("Range", "bytes=0-4")
	}
	if k.any(acceptGzip) {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	req.Close = k.any(closeRequest)
	return req
}

// addTrailers gives a request a trailer that is known before, one that is known
// behind the body, and one that never is. Only a body of unknown length has them
// sent.
func addTrailers(req *http.Request, k knobs) {
	req.Trailer = http.Header{"X-Known": {"before"}, "X-Sum": nil, "X-Never": nil}
	if k.any(chunked) {
		req.Body = &hooked{req.Body, func(err error) error {
			req.Trailer["X-Sum"] = []string{"1", "2"}
			return err
		}}
	}
}

// second is request 2: it shows which connection the transport has left.
func (s script) second(ctx context.Context, scheme string) *http.Request {
	url := scheme + "://berth.test/2"
	if s.knobs.any(elsewhere) {
		url = scheme + "://other.test:8080/2"
	}
	if s.knobs.any(secondPost) {
		return newRequest(ctx, http.MethodPost, url, strings.NewReader("again"))
	}
	return newRequest(ctx, http.MethodGet, url, nil)
}

func newRequest(ctx context.Context, method, url string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		panic(err) // method and URL are constants
	}
	return req
}

// timeout bounds one exchange.
func (s script) timeout() time.Duration {
	if s.knobs.any(stall) {
		return stallTimeout
	}
	return hangTimeout
}
