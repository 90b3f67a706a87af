package berth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"time"
)

// stream makes the exchange on a stream of its own. It returns a response, whose
// body gives the lease back, or how it failed.
func (x *exchange) stream() (*http.Response, *failure) {
	req := x.streamRequest()
	resp, err := x.c.mux.rt.RoundTrip(req)
	if err != nil {
		x.body.letGo(true)
		if isGone(err) {
			x.t.hungUp(x.c)
		}
		return nil, &failure{err: err, refused: isRefused(err)}
	}
	x.body.letGo(false)
	resp.Request = x.req
	if resp.TLS == nil {
		resp.TLS = x.c.tls
	}
	if x.req.Method == "HEAD" || isWhole(resp) {
		x.completeStream()
		return resp, nil
	}
	x.response.x, x.response.src = x, resp.Body
	return x.track(resp, &x.response), nil
}

// isWhole reports whether a response ended with its header. One that has
// "Content-Length: 0" may have trailers to come; net/http's body of one that has
// none is of a type without fields.
func isWhole(resp *http.Response) bool {
	return resp.ContentLength == 0 && reflect.TypeOf(resp.Body).Size() == 0
}

// streamRequest is the request as net/http is to see it: with our body, and a
// context that Timeout can end.
func (x *exchange) streamRequest() *http.Request {
	req := x.req
	if !x.until.IsZero() {
		req = req.WithContext(x.cancelable())
	}
	if x.body == nil {
		return req
	}
	if req == x.req {
		req = new(http.Request)
		*req = *x.req
	}
	x.body.hold()
	req.Body = x.body
	return req
}

func (x *exchange) cancelable() context.Context {
	x.mu.Lock()
	defer x.mu.Unlock()
	ctx, cancel := context.WithCancelCause(x.ctx)
	x.cut = cancel
	if x.over {
		cancel(x.cause)
	}
	return ctx
}

// completeStream ends an exchange whose response was read to its end. Where
// nothing of the request is left to be sent, it waits for net/http to be done
// with the stream, so that the next request can have it.
func (x *exchange) completeStream() {
	if x.body == nil && x.response.src != nil {
		x.response.src.Close()
	}
	x.letUploadGo()
	if x.claim(nil) {
		x.giveBack(0)
	}
}

// letUploadGo has a request go on being written whose response is there, since
// its server may read on. What Timeout would end, the body's end does.
func (x *exchange) letUploadGo() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cut == nil || x.body == nil || x.over {
		return
	}
	cut := x.cut
	x.cut = nil
	x.body.whenClosed(func() { cut(nil) })
}

// closeStream closes the response's body, and with it the stream.
func (b *response) closeStream() error {
	if b.x.body == nil && b.atEOF() {
		return nil // completeStream has closed it
	}
	err := b.src.Close()
	b.x.abort(errReadOnClosedBody, closedUnclean)
	return err
}

// atEOF reports whether the body was read to its end.
func (b *response) atEOF() bool {
	if !b.mu.TryLock() {
		return false // Read runs
	}
	defer b.mu.Unlock()
	return b.err == io.EOF
}

// restream is reacquire after a server refused a stream: from anywhere, after a
// pause that grows.
func (x *exchange) restream() (*lease, error) {
	if err := x.pause(pauseBefore(int(x.tries))); err != nil {
		return nil, err
	}
	return x.acquire()
}

// mayTryElsewhere reports whether a request that a server refused, over HTTP/2,
// can be made again, or what error it ends with.
func (x *exchange) mayTryElsewhere(err error) (bool, error) {
	if x.tries >= maxTries {
		return false, err
	}
	if !x.body.canRewind(x.req) {
		return false, fmt.Errorf("http2: Transport: cannot retry err [%v] after Request.Body was written; define Request.GetBody to avoid this error", err)
	}
	return true, err
}

// maxTries and pauseBefore are net/http's: at once, then after 1, 2, 4 … seconds
// and up to a tenth more.
const maxTries = 7

func pauseBefore(try int) time.Duration {
	if try <= 1 {
		return 0
	}
	d := time.Second << (try - 2)
	return d + rand.N(d/10)
}

// pause waits, unless the request ends before.
func (x *exchange) pause(d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	var total <-chan time.Time
	if !x.until.IsZero() {
		end := time.NewTimer(time.Until(x.until))
		defer end.Stop()
		total = end.C
	}
	select {
	case <-timer.C:
		return nil
	case <-x.ctx.Done():
		return context.Cause(x.ctx)
	case <-x.req.Cancel:
		return errRequestCanceled
	case <-total:
		return x.timedOut()
	}
}

// streamError has the fields of net/http's own, by which errors.As finds it.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "stream error" }

// isRefused reports whether err, of an exchange over HTTP/2, says that the
// server has not processed the request (RFC 9113, section 8.7). It is net/http's
// canRetryError, whose errors are not exported.
func isRefused(err error) bool {
	const protocolError, refusedStream = 1, 7
	var s streamError
	if errors.As(err, &s) {
		return s.Code == refusedStream || s.Code == protocolError && s.Cause != nil && s.Cause.Error() == "received from peer"
	}
	switch err.Error() {
	case "http2: client conn not usable", "http2: Transport received Server's graceful shutdown GOAWAY":
		return true
	}
	return isGone(err)
}

// isGone reports whether err is how a protocol of TLSNextProto says that it has
// lost its connection.
func isGone(err error) bool {
	_, ok := err.(interface{ IsHTTP2NoCachedConnError() })
	return ok
}
