package berth

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"runtime"
	"sync"
	"syscall"
)

// h1 is HTTP/1 on one connection. The exchange that has the connection leased
// uses it; an idle connection has no buffer.
type h1 struct {
	raw   syscall.RawConn // the descriptor; nil if there is none that can be trusted
	plain bool            // what the descriptor brings is what is read: no TLS
	peek  peek
	idle  *idlePeek // waits for what an idle connection without a descriptor brings

	br     *bufio.Reader // from Read, below
	limit  int64         // how many bytes may be read until the header is there
	sawEOF bool
}

// h1pool has the buffers of connections that are in use.
type h1pool struct{ readers, writers, bufs sync.Pool }

func (p *h1pool) reader(c *conn, size int) *bufio.Reader {
	if br, ok := p.readers.Get().(*bufio.Reader); ok && br.Size() == max(size, 16) {
		br.Reset((*h1Reader)(c))
		return br
	}
	return bufio.NewReaderSize((*h1Reader)(c), size)
}

func (p *h1pool) writer(w io.Writer, size int) *bufio.Writer {
	if bw, ok := p.writers.Get().(*bufio.Writer); ok && bw.Size() == size {
		bw.Reset(w)
		return bw
	}
	return bufio.NewWriterSize(w, size)
}

// buf returns a slice for a request of up to size bytes.
func (p *h1pool) buf(size int) *[]byte {
	if b, ok := p.bufs.Get().(*[]byte); ok && cap(*b) >= size {
		return b
	}
	b := make([]byte, 0, size)
	return &b
}

// h1Reader reads from the connection, within the limit for the header.
type h1Reader conn

func (r *h1Reader) Read(p []byte) (int, error) {
	h := &r.h1
	if h.limit <= 0 {
		return 0, errHeaderTooLong
	}
	if int64(len(p)) > h.limit {
		p = p[:h.limit]
	}
	n, err := r.nc.Read(p)
	if err == io.EOF {
		h.sawEOF = true
	}
	h.limit -= int64(n)
	r.in.Add(int64(n))
	return n, err
}

const noLimit = 1<<63 - 1

var errHeaderTooLong = errors.New("limit of the header reached") // receive words it for the user

// http1 writes the request and reads the response's header. It returns a
// response, whose body gives the connection back, or how it failed.
func (x *exchange) http1() (*http.Response, *failure) {
	h := &x.c.h1
	if h.br == nil {
		h.br = x.t.h1pool.reader(x.c, x.set.readBuffer)
		h.limit = x.set.maxHeader
	}
	if f := x.send(); f != nil {
		return nil, f
	}
	resp, f := x.receive()
	if f != nil {
		return nil, f
	}
	h.limit = noLimit
	if err := x.gotHeader(); err != nil {
		return nil, &failure{err: err}
	}
	return x.handOver(resp), nil
}

// receive reads responses up to one that is final.
func (x *exchange) receive() (*http.Response, *failure) {
	h := &x.c.h1
	h.takeOver(x.set.maxHeader)
	// While others run, the answer may arrive: a read that finds nothing is a
	// system call for nothing, and a turn through the poller.
	runtime.Gosched()
	if _, err := h.br.Peek(1); err != nil {
		return nil, &failure{err: err, noReply: true, deaf: x.up != nil && x.up.failed.Load()}
	}
	if x.trace != nil && x.trace.GotFirstResponseByte != nil {
		x.trace.GotFirstResponseByte()
	}
	for {
		resp, err := http.ReadResponse(h.br, x.req)
		if err != nil {
			if h.limit <= 0 {
				err = fmt.Errorf("net/http: server response headers exceeded %d bytes; aborted", x.set.maxHeader)
			}
			return nil, &failure{err: broken(err)}
		}
		if final, err := x.interim(resp); err != nil {
			return nil, &failure{err: broken(err)}
		} else if !final {
			continue
		}
		if upgraded(resp) {
			resp.Body = newUpgradedBody(h.br, x.c.nc)
		}
		x.goAhead(resp)
		resp.TLS = x.c.tls
		return resp, nil
	}
}

// interim deals with a response of class 1xx, and says whether it is final, as
// 101 is (golang/go#26161).
//
// All headers of an exchange share one limit, but for those that a trace hook
// has seen: its owner may stop them.
func (x *exchange) interim(resp *http.Response) (final bool, err error) {
	code := resp.StatusCode
	if code < 100 || code > 199 || code == http.StatusSwitchingProtocols {
		return true, nil
	}
	if code == http.StatusContinue && x.up != nil && x.up.cont != nil {
		if x.trace != nil && x.trace.Got100Continue != nil {
			x.trace.Got100Continue()
		}
		x.up.goAhead(true)
	}
	if x.trace != nil && x.trace.Got1xxResponse != nil {
		if err := x.trace.Got1xxResponse(code, textproto.MIMEHeader(resp.Header)); err != nil {
			return false, err
		}
		x.c.h1.limit = x.set.maxHeader
	}
	return false, nil
}

// goAhead settles what becomes of a body that still waits for "100 Continue"
// when a final response came instead: it is sent if the connection is to live
// on, since the server expects it.
func (x *exchange) goAhead(resp *http.Response) {
	if x.up != nil {
		x.up.goAhead(!resp.Close && !x.req.Close)
	}
}

// broken is net/http's text for a connection that failed in mid-exchange.
func broken(err error) error {
	return fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", err)
}

// handOver gives the response a body that knows the exchange, or, if it has
// none, the connection back: a caller who makes the next request at once gets
// the same one. It returns the response that the caller is to have.
func (x *exchange) handOver(resp *http.Response) *http.Response {
	_, upgraded := resp.Body.(io.Writer)
	hasBody := x.req.Method != "HEAD" && resp.ContentLength != 0
	x.response.last = resp.Close || x.want.last || resp.StatusCode <= 199
	if say := resp.Header["Keep-Alive"]; len(say) > 0 {
		keep, more := keepAlive(say)
		x.lease.keep = keep
		x.response.last = x.response.last || !more
	}
	switch {
	case upgraded:
		if x.claim(nil) {
			x.c.h1.br = nil
			x.giveBack(closedUpgraded)
		}
	case !hasBody:
		x.complete()
	default:
		x.response.x, x.response.src, x.response.left = x, resp.Body, resp.ContentLength
		resp.Body = &x.response
		if x.gzip && isGzip(resp.Header) {
			undoGzip(resp, &x.response)
		}
		return x.track(resp, resp.Body)
	}
	return resp
}

// complete ends an exchange whose response was read to its end. It returns an
// error if that end is none: what cut the exchange short may have had the server
// end its response (over TLS, close tells it so before it closes).
func (x *exchange) complete() error {
	if x.c.mux != nil {
		x.completeStream()
		return nil
	}
	why := x.leftover()
	if !x.claim(nil) {
		err, _ := x.because(nil)
		return err
	}
	var idle *idlePeek
	if why == 0 {
		idle = x.c.h1.rest(x.t, x.c, x.set.maxHeader)
	}
	x.giveBack(why)
	idle.release()
	return nil
}

// leftover says why the connection can't be used again, or zero.
func (x *exchange) leftover() closeReason {
	h := &x.c.h1
	switch {
	case x.response.last:
		return closedAfterRequest
	case h.sawEOF:
		return closedByPeer
	case h.br.Buffered() > 0:
		return closedUnclean // bytes that nobody asked for: the next request's answer they are not
	case x.up != nil && !x.up.finished():
		return closedUnclean // the server answered before it had all
	}
	return 0
}

// rest makes the connection ready to be idle: without a buffer, or, if it has
// no descriptor to watch, with a goroutine that waits for its end.
func (h *h1) rest(t *Transport, c *conn, maxHeader int64) *idlePeek {
	if h.raw == nil {
		h.idle = watchIdle(t, c, maxHeader)
		return h.idle
	}
	h.br.Reset(nil) // or the pool would hold on to the connection
	t.h1pool.readers.Put(h.br)
	h.br = nil
	return nil
}

// begin is rest for a connection that was just dialed, and may become idle
// without a request.
func (h *h1) begin(t *Transport, c *conn, d *dialer) *idlePeek {
	if h.raw != nil {
		return nil
	}
	h.br = t.h1pool.reader(c, d.settings.readBuffer)
	h.idle = watchIdle(t, c, d.settings.maxHeader)
	return h.idle
}

// upgraded reports whether the server agreed to another protocol.
func upgraded(resp *http.Response) bool {
	return resp.StatusCode == http.StatusSwitchingProtocols && upgrades(resp.Header)
}
