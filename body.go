package berth

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// response is the body of a response, as the caller has it. It gives the
// connection back once: at its end, before Read says so, or when it is closed.
type response struct {
	x    *exchange
	src  io.ReadCloser // net/http's: knows where the body ends
	last bool          // the connection is not to be used again
	left int64         // bytes to come; negative if unknown

	closed atomic.Bool
	mu     sync.Mutex // held by Read, so that Close finds out whether one runs
	err    error      // what Read returns from now on
}

func (b *response) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return 0, errReadOnClosedBody
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	if err == nil {
		return n, nil
	}
	if err == io.EOF {
		b.passTrailer()
		if cut := b.x.complete(); cut != nil {
			err = cut
		}
	} else {
		b.x.abort(nil, closedByError)
		err, _ = b.x.because(err)
	}
	b.err = err
	return n, err
}

// Close gives the connection back. What is left of the body is read if it is
// little and already here, so that the connection lives; else the connection is
// closed. Close may be called while Read runs, which then fails.
func (b *response) Close() error {
	if !b.closed.CompareAndSwap(false, true) {
		return nil
	}
	if b.x.c.mux != nil {
		return b.closeStream()
	}
	if !b.mu.TryLock() {
		b.x.abort(errReadOnClosedBody, closedUnclean)
		return nil
	}
	defer b.mu.Unlock()
	if b.err == nil && !b.drain() {
		b.x.abort(errReadOnClosedBody, closedUnclean)
	}
	return nil
}

// What Close reads at most, and for how long.
const (
	drainBytes = 64 << 10
	drainTime  = 5 * time.Millisecond
)

// drain reads what is left of the body, if it is little and already here, and
// reports whether the exchange is over.
func (b *response) drain() bool {
	if b.last || b.left > drainBytes {
		return false
	}
	timer := time.AfterFunc(drainTime, func() { b.x.abort(errReadOnClosedBody, closedUnclean) })
	defer timer.Stop()
	buf := drainBufs.Get().(*[]byte)
	defer drainBufs.Put(buf)
	for left := drainBytes; left > 0; {
		n, err := b.src.Read(*buf)
		left -= n
		if err == io.EOF {
			b.x.complete()
			return true
		}
		if err != nil {
			return false
		}
	}
	return false
}

var drainBufs = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}

// upgradedBody is the body of a 101: the connection itself, the caller's from
// now on, with what was read of it already in front.
type upgradedBody struct {
	br *bufio.Reader // until it is empty, then nil
	nc net.Conn
}

func newUpgradedBody(br *bufio.Reader, nc net.Conn) *upgradedBody {
	b := &upgradedBody{nc: nc}
	if br.Buffered() > 0 {
		b.br = br
	}
	return b
}

func (b *upgradedBody) Read(p []byte) (int, error) {
	if b.br == nil {
		return b.nc.Read(p)
	}
	if n := b.br.Buffered(); len(p) > n {
		p = p[:n]
	}
	n, err := b.br.Read(p)
	if b.br.Buffered() == 0 {
		b.br = nil
	}
	return n, err
}

func (b *upgradedBody) Write(p []byte) (int, error) { return b.nc.Write(p) }

func (b *upgradedBody) Close() error { return b.nc.Close() }

// CloseWrite ends the stream of what is written, where the connection can.
func (b *upgradedBody) CloseWrite() error {
	if cw, ok := b.nc.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return fmt.Errorf("CloseWrite: %w", http.ErrNotSupported)
}

func isGzip(h http.Header) bool { return strings.EqualFold(h.Get("Content-Encoding"), "gzip") }

// undoGzip makes a response as if it had not been compressed.
func undoGzip(resp *http.Response, b *response) {
	resp.Body = &gunzip{src: b}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	resp.Uncompressed = true
}

// gunzip reads the header when it is first read itself, so that a response that
// nobody reads costs nothing.
type gunzip struct {
	src *response
	mu  sync.Mutex // held by Read
	zr  *gzip.Reader
	err error
}

var gzipReaders sync.Pool

var errConcurrentRead = errors.New("http: concurrent read on response body")

func (g *gunzip) Read(p []byte) (int, error) {
	if !g.mu.TryLock() {
		return 0, errConcurrentRead
	}
	defer g.mu.Unlock()
	if g.src.closed.Load() {
		g.release()
		return 0, errReadOnClosedBody
	}
	if g.zr == nil && g.err == nil {
		g.zr, g.err = newGzipReader(g.src)
	}
	if g.err != nil {
		return 0, g.err
	}
	return g.zr.Read(p)
}

// Close may be called while Read runs, which then fails.
func (g *gunzip) Close() error {
	err := g.src.Close()
	if g.mu.TryLock() { // else the next Read releases
		g.release()
		g.mu.Unlock()
	}
	return err
}

func (g *gunzip) release() {
	if g.zr != nil {
		g.zr.Reset(noBytes{}) // let go of the response
		gzipReaders.Put(g.zr)
		g.zr = nil
	}
}

// newGzipReader reads the gzip header.
func newGzipReader(r io.Reader) (*gzip.Reader, error) {
	zr, ok := gzipReaders.Get().(*gzip.Reader)
	if !ok {
		return gzip.NewReader(r)
	}
	if err := zr.Reset(r); err != nil {
		gzipReaders.Put(zr)
		return nil, err
	}
	return zr, nil
}

// noBytes is a flate.Reader, or gzip would make a buffer for it.
type noBytes struct{}

func (noBytes) Read([]byte) (int, error) { return 0, io.EOF }
func (noBytes) ReadByte() (byte, error)  { return 0, io.EOF }
