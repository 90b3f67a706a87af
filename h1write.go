package berth

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// send writes the request: here, if head and body are small and at hand, with
// one system call; else in a goroutine, since the server may answer, or want to
// be read, before it has read everything.
func (x *exchange) send() *failure {
	if !x.isSmall() {
		return x.startUpload()
	}
	buf := x.t.h1pool.buf(x.set.writeBuffer)
	defer x.t.h1pool.bufs.Put(buf)
	b := x.appendHead((*buf)[:0])
	b, err := x.appendBody(b)
	if err != nil {
		return &failure{err: err, unsent: true}
	}
	n, err := x.c.nc.Write(b)
	x.c.out.Add(int64(n))
	if x.trace != nil && x.trace.WroteRequest != nil {
		x.trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
	if err != nil {
		if n > 0 {
			err = broken(err)
		}
		return &failure{err: err, unsent: n == 0, noReply: true}
	}
	x.awaitHeader()
	return nil
}

// isSmall reports whether the whole request fits the write buffer, is in
// memory, and has nothing out of the ordinary: net/http's own writer sees to
// the rest (upload.go).
func (x *exchange) isSmall() bool {
	req := x.req
	size := 0
	if x.body != nil {
		if req.ContentLength <= 0 || req.ContentLength > int64(x.set.writeBuffer) {
			return false
		}
		if !inMemory(x.body.rc) || says(req, "Expect", "100-continue") {
			return false
		}
		size = int(req.ContentLength)
	} else if req.ContentLength != 0 && req.Body == nil {
		return false // net/http has an error for it
	}
	if len(req.TransferEncoding) > 0 || req.Trailer != nil || req.Method == "CONNECT" {
		return false
	}
	u := req.URL
	size += len(req.Method) + len(u.Path)*3 + len(u.RawPath) + len(u.RawQuery) + len(u.Opaque) + 2*len(requestHost(req)) + 256
	for name, values := range req.Header {
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
		}
	}
	size += 2 * len(x.route.key.proxy) // its credentials, in Base64
	return size <= x.set.writeBuffer && isPlainHost(requestHost(req)) && isPrintable(u.RequestURI())
}

// appendHead appends the request line and the header as net/http's
// Request.Write has them, byte for byte.
func (x *exchange) appendHead(b []byte) []byte {
	req := x.req
	host := requestHost(req)
	b = append(b, cmp.Or(req.Method, "GET")...)
	b = append(b, ' ')
	if x.route.forwards() && req.URL.Opaque == "" {
		b = append(b, req.URL.Scheme...)
		b = append(b, "://"...)
		b = append(b, host...)
	}
	b = append(b, req.URL.RequestURI()...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = x.appendField(b, "Host", host)
	if agent, given := req.Header["User-Agent"]; !given {
		b = x.appendField(b, "User-Agent", "Go-http-client/1.1")
	} else if len(agent) > 0 && agent[0] != "" {
		b = x.appendField(b, "User-Agent", textproto.TrimString(agent[0]))
	}
	if req.Close && !says(req, "Connection", "close") {
		b = x.appendField(b, "Connection", "close")
	}
	if x.body != nil || req.Method == "POST" || req.Method == "PUT" || req.Method == "PATCH" {
		length := int64(0)
		if x.body != nil {
			length = req.ContentLength
		}
		b = x.appendField(b, "Content-Length", strconv.FormatInt(length, 10))
	}
	b = x.appendFields(b, req.Header)
	if x.gzip {
		b = x.appendField(b, "Accept-Encoding", "gzip")
	}
	if x.saysClose() {
		b = x.appendField(b, "Connection", "close")
	}
	if auth := x.route.authorization(); auth != "" {
		b = x.appendField(b, "Proxy-Authorization", auth)
	}
	b = append(b, "\r\n"...)
	if x.trace != nil && x.trace.WroteHeaders != nil {
		x.trace.WroteHeaders()
	}
	return b
}

// appendFields appends a header in the order of its names, without those that
// appendHead writes itself.
func (x *exchange) appendFields(b []byte, h http.Header) []byte {
	var few [16]string // most headers need no allocation
	names := few[:0]
	for name := range h {
		switch name {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range h[name] {
			b = appendLine(b, name, textproto.TrimString(v))
		}
		if x.trace != nil && x.trace.WroteHeaderField != nil && len(h[name]) > 0 {
			x.trace.WroteHeaderField(name, h[name])
		}
	}
	return b
}

func (x *exchange) appendField(b []byte, name, value string) []byte {
	if x.trace != nil && x.trace.WroteHeaderField != nil {
		x.trace.WroteHeaderField(name, []string{value})
	}
	return appendLine(b, name, value)
}

func appendLine(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// appendBody reads the body, which is in memory, and closes it.
func (x *exchange) appendBody(b []byte) ([]byte, error) {
	if x.body == nil {
		return b, nil
	}
	defer x.body.Close()
	want := int(x.req.ContentLength)
	head := len(b)
	b = slices.Grow(b, want)[:head+want]
	n, err := io.ReadFull(x.body, b[head:])
	if n == want && err == nil {
		var more int64
		if more, err = io.Copy(io.Discard, x.body); more > 0 {
			n += int(more)
		}
	}
	switch {
	case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, err
	case n != want:
		return nil, fmt.Errorf("http: ContentLength=%d with Body length %d", want, n)
	}
	return b, nil
}

// saysClose reports whether "Connection: close" is ours to add:
// DisableKeepAlives, unless the request says it, or asks for another protocol.
func (x *exchange) saysClose() bool {
	return x.set.closes && !wantsClose(x.req) && !upgrades(x.req.Header)
}

func requestHost(req *http.Request) string { return cmp.Or(req.Host, req.URL.Host) }

// isPlainHost leaves zones, international names and whatever net/http would
// refuse to net/http.
func isPlainHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(".-_:[]", c) >= 0) {
			return false
		}
	}
	return s != ""
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// inMemory reports whether r is of a type of the standard library that never
// blocks.
func inMemory(r io.Reader) bool {
	switch r := r.(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader:
		return true
	case io.ReadCloser:
		inner := underNopCloser(r)
		return inner != nil && inMemory(inner)
	}
	return false
}

var (
	nopCloser         = reflect.TypeOf(io.NopCloser(nil))
	nopCloserWriterTo = reflect.TypeOf(io.NopCloser(new(bytes.Reader)))
)

// underNopCloser returns what io.NopCloser wrapped, or nil for any other type.
func underNopCloser(r io.ReadCloser) io.Reader {
	switch reflect.TypeOf(r) {
	case nopCloser, nopCloserWriterTo:
		inner, _ := reflect.ValueOf(r).Field(0).Interface().(io.Reader)
		return inner
	}
	return nil
}
