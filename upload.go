package berth

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync/atomic"
	"time"
)

// upload is the goroutine that writes a request too large, or too unusual, to
// be written at once. net/http's Request.Write frames it.
//
// The exchange owns it: it ends when the request is written or the connection
// is closed, and nobody gives that connection back as clean, or the request
// back to its caller as failed, before it did.
type upload struct {
	x    *exchange
	gone chan struct{} // closed when the exchange is over
	done chan struct{} // closed when the goroutine is through
	cont chan bool     // whether to send a body that waits for "100 Continue"; nil if none does

	// For after done only.
	err   error // of writing, or of reading the body
	wrote int64

	refused atomic.Bool // the body is not wanted: write no more
	failed  atomic.Bool // writing failed, before the connection was closed for other reasons

	bw *bufio.Writer // of the goroutine
}

var errBodyRefused = errors.New("berth: the server does not want the body")

// startUpload starts writing the request.
func (x *exchange) startUpload() *failure {
	up := &upload{x: x, gone: make(chan struct{}), done: make(chan struct{})}
	if x.body != nil && says(x.req, "Expect", "100-continue") {
		up.cont = make(chan bool, 1)
	}
	x.mu.Lock()
	over := x.over
	if !over {
		x.up = up
	}
	x.mu.Unlock()
	if over {
		return &failure{err: errRequestCanceled, unsent: true}
	}
	go up.run()
	return nil
}

func (up *upload) run() {
	defer close(up.done)
	x := up.x
	up.bw = x.t.h1pool.writer(up, x.set.writeBuffer)
	req := up.request()
	write := req.Write
	if x.route.forwards() {
		write = req.WriteProxy
	}
	err := write(up.bw)
	if err == nil {
		err = up.bw.Flush()
	}
	if err == nil || up.refused.Load() {
		up.bw.Reset(nil) // or the pool would hold on to the request
		x.t.h1pool.writers.Put(up.bw)
		x.awaitHeader()
		return
	}
	up.err = err
	up.failed.Store(true)
	if x.body != nil {
		if fault := x.body.fault.Load(); fault != nil {
			x.abort(*fault, closedByError) // the caller's own trouble, told as it is
			return
		}
	}
	up.fail()
}

// writeGrace is how long an answer may take that the server sent before it
// closed its ears: the answer says more than the write's error.
const writeGrace = 50 * time.Millisecond

// fail has the exchange fail for want of a written request.
func (up *upload) fail() {
	if up.wrote == 0 {
		up.x.c.nc.Close()
		return
	}
	x := up.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.over && !x.header {
		x.timers[1] = time.AfterFunc(writeGrace, func() { x.c.nc.Close() })
	}
}

// request is the request as it is to be written: with the fields that the
// Transport adds, and a context that has nothing but its trace.
func (up *upload) request() *http.Request {
	x := up.x
	trace := new(httptrace.ClientTrace)
	if x.trace != nil {
		*trace = *x.trace
	}
	if up.cont != nil {
		trace.WroteHeaders = up.awaitContinue
	}
	req := x.req.WithContext(httptrace.WithClientTrace(context.Background(), trace))
	if x.body != nil {
		req.Body = x.body
		if inMemory(x.body.rc) {
			req.Body = x.body.give() // or its head would be flushed by itself
		}
	}
	auth := x.route.authorization()
	if x.gzip || x.saysClose() || auth != "" {
		req.Header = req.Header.Clone()
		if x.gzip {
			req.Header.Set("Accept-Encoding", "gzip")
		}
		if x.saysClose() {
			req.Header.Set("Connection", "close") //nolint:berth // DisableKeepAlives says so
		}
		if auth != "" {
			req.Header.Add("Proxy-Authorization", auth)
		}
	}
	return req
}

// awaitContinue is called when the head is written: it sends it off, and holds
// the body back until the server has said its word or ExpectContinueTimeout is
// over.
func (up *upload) awaitContinue() {
	x := up.x
	if x.trace != nil && x.trace.WroteHeaders != nil {
		x.trace.WroteHeaders()
	}
	if up.bw.Flush() != nil {
		return // and the next write fails with the same
	}
	if x.trace != nil && x.trace.Wait100Continue != nil {
		x.trace.Wait100Continue()
	}
	timer := time.NewTimer(x.set.continueTimeout)
	defer timer.Stop()
	send := true
	select {
	case send = <-up.cont:
	case <-timer.C:
	case <-up.gone:
		send = false
	}
	if !send {
		up.refused.Store(true)
		x.body.refused.Store(true)
	}
}

// goAhead lets a body go that waits for "100 Continue", or tells it not to.
// Only the first word counts.
func (up *upload) goAhead(send bool) {
	if up.cont == nil {
		return
	}
	select {
	case up.cont <- send:
	default:
	}
}

// Write is where the request's bytes go.
func (up *upload) Write(p []byte) (int, error) {
	if up.refused.Load() {
		return 0, errBodyRefused
	}
	n, err := up.x.c.nc.Write(p)
	up.wrote += int64(n)
	up.x.c.out.Add(int64(n))
	return n, err
}

// ReadFrom hands a body that is a file on to the connection, which has the
// kernel send it (sendfile).
func (up *upload) ReadFrom(r io.Reader) (int64, error) {
	if up.refused.Load() {
		return 0, errBodyRefused
	}
	n, err := copyFile(up.x.c.nc, r)
	up.wrote += n
	up.x.c.out.Add(n)
	return n, err
}

// copyFile is io.Copy that sees through what net/http and we put around a file.
func copyFile(w io.Writer, r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		return io.Copy(w, r)
	}
	b, ok := limited.R.(*requestBody)
	if !ok {
		return io.Copy(w, r)
	}
	f, ok := b.rc.(*os.File)
	if !ok {
		if f, ok = underNopCloser(b.rc).(*os.File); !ok {
			return io.Copy(w, r)
		}
	}
	b.read.Store(true)
	n, err := io.Copy(w, &io.LimitedReader{R: f, N: limited.N})
	limited.N -= n
	var ofFile *fs.PathError
	if errors.As(err, &ofFile) {
		b.fault.Store(&err) // the file's trouble, not the connection's
	}
	return n, err
}

// wait returns when the goroutine is through. The connection must have been
// closed. A body whose Read goes on all the same is closed too, after a moment,
// which ends the Read of a pipe or a file.
func (up *upload) wait() {
	timer := time.NewTimer(reuseWait)
	defer timer.Stop()
	select {
	case <-up.done:
		return
	case <-timer.C:
	}
	up.x.body.Close()
	<-up.done
}

// explain completes the failure of an exchange whose upload ended: where that
// broke the connection, its error is the one to tell.
func (up *upload) explain(f *failure) {
	if !f.noReply {
		return
	}
	f.unsent = up.wrote == 0
	switch {
	case f.deaf && f.unsent:
		f.err = up.err
	case f.deaf:
		f.err = broken(up.err)
	}
}

// reuseWait is how long a response that was read to its end waits for the end
// of its request, before the connection is given up: net/http's figure.
const reuseWait = 50 * time.Millisecond

// finished reports whether the whole request was written, or soon is.
func (up *upload) finished() bool {
	select {
	case <-up.done:
	default:
		timer := time.NewTimer(reuseWait)
		defer timer.Stop()
		select {
		case <-up.done:
		case <-timer.C:
			return false
		}
	}
	return up.err == nil && !up.refused.Load()
}
