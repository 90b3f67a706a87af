package berth_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
)

// A seed is a script written by hand: its lines are joined with CRLF.
type seed struct {
	name  string
	knobs knobs
	lines []string
}

func (s seed) script() script {
	return script{knobs: s.knobs, response: strings.Join(s.lines, "\r\n")}
}

// seeds is the corpus of FuzzEngine and the table of TestDifferential. Each can
// run over TCP and over TLS, whole, cut and coalesced: see variants.
func seeds() []seed {
	return slices.Concat(plainSeeds, framingSeeds, switchSeeds, proxySeeds, connectSeeds, socksSeeds)
}

// plainSeeds are for what a transport does all day.
var plainSeeds = []seed{
	// Bodies of known length.
	{"length", 0, lines(ok, "Content-Length: 5", "", "hello")},
	{"length zero", 0, lines(ok, "Content-Length: 0", "", "")},
	{"length, and the server leaves", endClose, lines(ok, "Content-Length: 5", "", "hello")},
	{"length, and a reset", endReset, lines(ok, "Content-Length: 5", "", "hello")},
	{"length, and a close_notify alone", endNotify, lines(ok, "Content-Length: 5", "", "hello")},
	{"length, truncated", 0, lines(ok, "Content-Length: 50", "", "hello")},
	{"length, truncated by a reset", endReset, lines(ok, "Content-Length: 50", "", "hello")},
	{"length, truncated below TLS", endCut, lines(ok, "Content-Length: 50", "", "hello")},
	{"length twice, the same", 0, lines(ok, "Content-Length: 5", "Content-Length: 5", "", "hello")},
	{"length twice, in conflict", 0, lines(ok, "Content-Length: 5", "Content-Length: 6", "", "hello!")},
	{"length negative", 0, lines(ok, "Content-Length: -5", "", "hello")},
	{"length with a sign", 0, lines(ok, "Content-Length: +5", "", "hello")},
	{"length empty", 0, lines(ok, "Content-Length:", "", "hello")},
	{"length too long for an int", 0, lines(ok, "Content-Length: 99999999999999999999", "", "hello")},
	{"length, larger than a buffer", 0, lines(ok, "Content-Length: 9000", "", strings.Repeat("x", 9000))},

	// Bodies without one.
	{"until close", 0, lines(ok, "", "hello")},
	{"until close, cut below TLS", endCut, lines(ok, "", "hello")},
	{"until reset", endReset, lines(ok, "", "hello")},
	{"until close, though kept alive", 0, lines(ok, "Connection: keep-alive", "", "hello")},

	// Chunks.
	{"chunked", 0, lines(ok, chunkedHeader, "", "5", "hello", "6", " world", "0", "", "")},
	{"chunked, empty", 0, lines(ok, chunkedHeader, "", "0", "", "")},
	{"chunked, with extensions", 0, lines(ok, chunkedHeader, "", "5;a=b;c", "hello", "0;last", "", "")},
	{"chunked, with zeros in front", 0, lines(ok, chunkedHeader, "", "0005", "hello", "000", "", "")},
	{"chunked, length in upper case", 0, lines(ok, chunkedHeader, "", "A", "0123456789", "0", "", "")},
	{"chunked, with trailers", 0, lines(ok, chunkedHeader, "Trailer: X-Sum", "", "5", "hello", "0", "X-Sum: 1", "X-More: 2", "", "")},
	{"chunked, with trailers nobody announced", 0, lines(ok, chunkedHeader, "", "5", "hello", "0", "X-Sum: 1", "", "")},
	{"chunked, with a forbidden trailer", 0, lines(ok, chunkedHeader, "Trailer: Content-Length", "", "5", "hello", "0", "Content-Length: 1", "", "")},
	{"chunked, with a broken trailer", 0, lines(ok, chunkedHeader, "", "5", "hello", "0", "no colon", "", "")},
	{"chunked, no line behind the last", 0, lines(ok, chunkedHeader, "", "5", "hello", "0", "")},
	{"chunked, truncated in a chunk", 0, lines(ok, chunkedHeader, "", "5", "hel")},
	{"chunked, truncated between chunks", 0, lines(ok, chunkedHeader, "", "5", "hello", "")},
	{"chunked, too long a chunk", 0, lines(ok, chunkedHeader, "", "3", "hello", "0", "", "")},
	{"chunked, not a number", 0, lines(ok, chunkedHeader, "", "5", "hello", "xyz", "hello", "0", "", "")},
	{"chunked, negative", 0, lines(ok, chunkedHeader, "", "-5", "hello", "0", "", "")},
	{"chunked, length overflows", 0, lines(ok, chunkedHeader, "", "ffffffffffffffff1", "hello", "0", "", "")},
	{"chunked, bare LF", 0, lines(ok, chunkedHeader, "", "5\nhello\n0\n\n")},
	{"chunked, long extension", 0, lines(ok, chunkedHeader, "", "5;"+strings.Repeat("x", 5000), "hello", "0", "", "")},
	{"chunked and a length", 0, lines(ok, chunkedHeader, "Content-Length: 5", "", "5", "hello", "0", "", "")},
	{"chunked twice", 0, lines(ok, chunkedHeader, chunkedHeader, "", "5", "hello", "0", "", "")},
	{"transfer encoding unknown", 0, lines(ok, "Transfer-Encoding: gzip, chunked", "", "5", "hello", "0", "", "")},
	{"transfer encoding identity", 0, lines(ok, "Transfer-Encoding: identity", "Content-Length: 5", "", "hello")},

	// Bytes behind the response.
	{"and more behind it", 0, lines(ok, "Content-Length: 5", "", "hello, world")},
	{"and a second response", 0, lines(ok, "Content-Length: 5", "", "hello"+ok, "Content-Length: 4", "", "evil")},
	{"chunked, and a second response", 0, lines(ok, chunkedHeader, "", "0", "", ok, "Content-Length: 4", "", "evil")},
	{"and a 408", 0, lines(ok, "Content-Length: 5", "", "helloHTTP/1.1 408 Request Timeout", "Connection: close", "", "")},
	{"and a CRLF", 0, lines(ok, "Content-Length: 5", "", "hello", "")},
	{"no body, and a second response", 0, lines("HTTP/1.1 204 No Content", "", ok, "Content-Length: 4", "", "evil")},
	{"and more, and the server leaves", endClose, lines(ok, "Content-Length: 5", "", "hello, world")},

	// No body by definition.
	{"204", 0, lines("HTTP/1.1 204 No Content", "", "")},
	{"204 with a length", 0, lines("HTTP/1.1 204 No Content", "Content-Length: 5", "", "")},
	{"204 with a body", 0, lines("HTTP/1.1 204 No Content", "Content-Length: 5", "", "hello")},
	{"204 chunked", 0, lines("HTTP/1.1 204 No Content", chunkedHeader, "", "0", "", "")},
	{"304 with a length", 0, lines("HTTP/1.1 304 Not Modified", "Content-Length: 5", "", "")},
	{"HEAD with a length", head, lines(ok, "Content-Length: 5", "", "")},
	{"HEAD with a body", head, lines(ok, "Content-Length: 5", "", "hello")},
	{"HEAD chunked", head, lines(ok, chunkedHeader, "", "")},
	{"HEAD without a length", head, lines(ok, "", "")},

	// Keeping the connection.
	{"the server wants to close", 0, lines(ok, "Connection: close", "Content-Length: 5", "", "hello")},
	{"the client wants to close", closeRequest, lines(ok, "Content-Length: 5", "", "hello")},
	{"no keep-alives", noKeepAlives, lines(ok, "Content-Length: 5", "", "hello")},
	{"connection close among others", 0, lines(ok, "Connection: foo, Close", "Content-Length: 5", "", "hello")},
	{"HTTP/1.0", 0, lines("HTTP/1.0 200 OK", "Content-Length: 5", "", "hello")},
	{"HTTP/1.0 keep-alive", 0, lines("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 5", "", "hello")},
	{"HTTP/1.0 chunked", 0, lines("HTTP/1.0 200 OK", "Connection: keep-alive", chunkedHeader, "", "5", "hello", "0", "", "")},
	{"stale, and sent again", hangUp, lines(ok, "Content-Length: 5", "", "hello")},
	{"stale, and not sent again", hangUp | secondPost, lines(ok, "Content-Length: 5", "", "hello")},

	// Closing the body early.
	{"closed unread", readNothing, lines(ok, "Content-Length: 20", "", strings.Repeat("x", 20))},
	{"closed half read", readPart, lines(ok, "Content-Length: 20", "", strings.Repeat("x", 20))},
	{"closed where it ends", readPart, lines(ok, "Content-Length: 7", "", "1234567")},
	{"closed behind its end", readPart, lines(ok, "Content-Length: 5", "", "hello")},
	{"closed half read, chunked", readPart, lines(ok, chunkedHeader, "Trailer: X-Sum", "", "14", strings.Repeat("x", 20), "0", "X-Sum: 1", "", "")},
	{"closed half read, and more behind it", readPart, lines(ok, "Content-Length: 10", "", strings.Repeat("x", 20))},
	{"closed half read, and the server leaves", readPart | endClose, lines(ok, "Content-Length: 20", "", strings.Repeat("x", 20))},
	{"closed half read, until close", readPart, lines(ok, "", strings.Repeat("x", 20))},
	{"closed half read, then stale", readPart | hangUp | secondPost, lines(ok, "Content-Length: 20", "", strings.Repeat("x", 20))},

	// Informational responses.
	{"100 without being asked", 0, lines("HTTP/1.1 100 Continue", "", ok, "Content-Length: 5", "", "hello")},
	{"103, then the answer", 0, lines("HTTP/1.1 103 Early Hints", "Link: </a>", "", ok, "Content-Length: 5", "", "hello")},
	{"many 1xx", 0, lines(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20)+ok, "Content-Length: 5", "", "hello")},
	{"many 1xx over the limit", smallHeader, lines(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20)+ok, "Content-Length: 5", "", "hello")},
	{"1xx, and the server leaves", 0, lines("HTTP/1.1 103 Early Hints", "", "")},
	{"101", 0, lines("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: echo", "", "hello")},
	{"101 that switches nothing", 0, lines("HTTP/1.1 101 Switching Protocols", "", "hello")},
	{"100-continue", expect | sized, lines("HTTP/1.1 100 Continue", "", ok, "Content-Length: 5", "", "hello")},
	{"100-continue, refused", expect | sized, lines("HTTP/1.1 417 Expectation Failed", "Content-Length: 0", "", "")},
	{"100-continue, refused for good", expect | sized, lines("HTTP/1.1 417 Expectation Failed", "Connection: close", "Content-Length: 0", "", "")},
	{"100-continue, and the server leaves", expect | sized | endClose, lines("")},
	{"100-continue, large", expect | large, lines("HTTP/1.1 100 Continue", "", ok, "Content-Length: 5", "", "hello")},

	// Requests.
	{"POST without a body", post, lines(ok, "Content-Length: 5", "", "hello")},
	{"POST with a length", sized, lines(ok, "Content-Length: 5", "", "hello")},
	{"POST chunked", chunked, lines(ok, "Content-Length: 5", "", "hello")},
	{"POST large", large, lines(ok, "Content-Length: 5", "", "hello")},
	{"POST large, answered early", large | early, lines(ok, "Content-Length: 5", "", "hello")},
	{"range", ranged, lines("HTTP/1.1 206 Partial Content", "Content-Range: bytes 0-4/9", "Content-Length: 5", "", "hello")},

	// Compression.
	{"gzip", 0, lines(gzipOK, "", zipped)},
	{"gzip, chunked", 0, lines(ok, "Content-Encoding: gzip", chunkedHeader, "", chunk(zipped[:16]), chunk(zipped[16:]), "0", "", "")},
	{"gzip in capitals", 0, lines(ok, "Content-Encoding: GZIP", "", zipped)},
	{"gzip that the caller asked for", acceptGzip, lines(gzipOK, "", zipped)},
	{"gzip that nobody asked for", noCompression, lines(gzipOK, "", zipped)},
	{"gzip of a range", ranged, lines(gzipOK, "", zipped)},
	{"gzip of a HEAD", head, lines(gzipOK, "", "")},
	{"gzip with an empty body", 0, lines(ok, "Content-Encoding: gzip", "Content-Length: 0", "", "")},
	{"gzip, not", 0, lines(ok, "Content-Encoding: gzip", "Content-Length: 20", "", strings.Repeat("x", 20))},
	{"gzip, a bad sum", 0, lines(gzipOK, "", zipped[:len(zipped)-8]+strings.Repeat("x", 8))},
	{"gzip, truncated", 0, lines(gzipOK, "", zipped[:20])},
	{"gzip, closed unread", readNothing, lines(gzipOK, "", zipped)},
	{"gzip, closed half read", readPart, lines(gzipOK, "", zipped)},

	// Heads.
	{"nothing", 0, lines("")},
	{"half a status line", 0, lines("HTTP/1.1 20")},
	{"half a header", 0, lines(ok, "Content-Le")},
	{"not HTTP", 0, lines("SSH-2.0-OpenSSH_9.9", "")},
	{"HTTP/2.0 in words", 0, lines("HTTP/2.0 200 OK", "Content-Length: 5", "", "hello")},
	{"status of four digits", 0, lines("HTTP/1.1 2000 OK", "Content-Length: 5", "", "hello")},
	{"status without a reason", 0, lines("HTTP/1.1 200", "Content-Length: 5", "", "hello")},
	{"status 999", 0, lines("HTTP/1.1 999 Odd", "Content-Length: 5", "", "hello")},
	{"status 099", 0, lines("HTTP/1.1 099 Odd", "Content-Length: 5", "", "hello")},
	{"CRLF before the status line", 0, lines("", ok, "Content-Length: 5", "", "hello")},
	{"folded header", 0, lines(ok, "X-Folded: a", " b", "\tc", "Content-Length: 5", "", "hello")},
	{"folded first header", 0, lines(ok, " X-Folded: a", "Content-Length: 5", "", "hello")},
	{"header without a colon", 0, lines(ok, "nonsense", "Content-Length: 5", "", "hello")},
	{"header with a space before the colon", 0, lines(ok, "Content-Length : 5", "", "hello")},
	{"header without a name", 0, lines(ok, ": x", "Content-Length: 5", "", "hello")},
	{"header with NUL", 0, lines(ok, "X-Nul: a\x00b", "Content-Length: 5", "", "hello")},
	{"header with a bare CR", 0, lines(ok, "X-Cr: a\rb", "Content-Length: 5", "", "hello")},
	{"header with bytes above ASCII", 0, lines(ok, "X-Latin: caf\xe9", "Content-Length: 5", "", "hello")},
	{"header many times", 0, lines(ok, "Set-Cookie: a=1", "set-cookie: b=2", "Content-Length: 5", "", "hello")},
	{"bare LF", 0, lines("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello")},
	{"long line", 0, lines(ok, "X-Long: "+strings.Repeat("x", 10_000), "Content-Length: 5", "", "hello")},
	{"header over the limit", smallHeader, lines(ok, "X-Long: "+strings.Repeat("x", 300), "Content-Length: 5", "", "hello")},
	{"header at the limit", smallHeader, lines(ok, "X: "+strings.Repeat("x", smallHeaderLimit-len(ok+"\r\nX: \r\nContent-Length: 5\r\n\r\n")), "Content-Length: 5", "", "hello")},
	{"header one over the limit", smallHeader, lines(ok, "X: "+strings.Repeat("x", 1+smallHeaderLimit-len(ok+"\r\nX: \r\nContent-Length: 5\r\n\r\n")), "Content-Length: 5", "", "hello")},
	{"body over the header's limit", smallHeader, lines(ok, "Content-Length: 1000", "", strings.Repeat("x", 1000))},

	// Timeouts.
	{"silence", stall, lines("")},
	{"silence in the head", stall, lines(ok, "Content-Le")},
	{"silence in the body", stall, lines(ok, "Content-Length: 50", "", "hello")},
}

const (
	ok            = "HTTP/1.1 200 OK"
	chunkedHeader = "Transfer-Encoding: chunked"
)

// gzipOK is the head of a response with zipped as its body.
var gzipOK = fmt.Sprintf("%s\r\nContent-Encoding: gzip\r\nContent-Length: %d", ok, len(zipped))

func lines(l ...string) []string { return l }

func chunk(data string) string { return fmt.Sprintf("%x\r\n%s", len(data), data) }

// zipped is "hello, hello".
var zipped = func() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte("hello, hello"))
	z.Close()
	return b.String()
}()
