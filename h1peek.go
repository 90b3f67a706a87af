package berth

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// peek is how a connection looks, without waiting, for what came unasked. The
// function is made once, since a closure for each look would be an allocation.
type peek struct {
	look func(fd uintptr) bool
	n    int
	err  error
	b    [1]byte
}

func (h *h1) init(c *conn) {
	if !canWatch {
		return
	}
	h.raw, h.plain = descriptor(c.nc)
	if h.raw == nil {
		return
	}
	p := &h.peek
	p.look = func(fd uintptr) bool {
		p.n, p.err = peekSocket(fd, p.b[:])
		return true
	}
}

// dirt says why a connection that was idle is not fit for a request, or zero.
//
// It must have nothing to say: an end means that the server closed it, a byte
// would be taken for the beginning of the next response.
func (l *lease) dirt() closeReason {
	c := l.c
	h := &c.h1
	switch {
	case !l.reused || c.mux != nil:
		return 0
	case h.idle != nil:
		return h.idle.dirt()
	case h.raw == nil:
		return 0
	}
	if err := h.raw.Read(h.peek.look); err != nil {
		return closedByPeer
	}
	waiting := h.peek.err == nil && h.peek.n > 0
	silent := h.peek.err == syscall.EAGAIN || h.peek.err == syscall.EINTR
	switch {
	case waiting && h.plain:
		return closedUnclean
	case !waiting && !silent:
		return closedByPeer // an end, or an error such as ECONNRESET
	case h.plain:
		return 0
	case waiting:
		return c.tlsDirt(time.Now().Add(recordWait))
	}
	return c.tlsDirt(longAgo)
}

// recordWait is how long crypto/tls may take over bytes that are there already:
// they may be a session ticket, which is no dirt.
const recordWait = time.Millisecond

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// tlsDirt reads a byte under a deadline. Only if that fails for the deadline is
// there nothing: a response that arrived in one segment with the one before it
// is inside the tls.Conn already, where no look at the socket finds it.
// (crypto/tls does not make such an error sticky.)
func (c *conn) tlsDirt(deadline time.Time) closeReason {
	if c.nc.SetReadDeadline(deadline) != nil {
		return closedByPeer
	}
	n, err := c.nc.Read(c.h1.peek.b[:])
	if n > 0 {
		return closedUnclean
	}
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() || c.nc.SetReadDeadline(time.Time{}) != nil {
		return closedByPeer
	}
	return 0
}

// idlePeek is the goroutine that waits on an idle connection that has no
// descriptor to watch: for its end, or for what comes unasked. It ends with the
// connection, or with the first byte of the next response, which stays in the
// connection's buffer: the next request takes it over from there.
type idlePeek struct {
	put  chan struct{} // closed when the connection was given back: before, it can't be taken out of idle
	back atomic.Bool   // Peek returned
	done chan struct{} // closed when the goroutine has nothing more to do with the connection
	err  error         // of Peek; for after back
}

func watchIdle(t *Transport, c *conn, maxHeader int64) *idlePeek {
	p := &idlePeek{put: make(chan struct{}), done: make(chan struct{})}
	c.h1.limit = maxHeader // what it reads may be the next response's header
	br := c.h1.br
	go func() {
		_, p.err = br.Peek(1)
		p.back.Store(true)
		<-p.put
		// If c is leased by now, its request has its answer here, or will find
		// its end. It waits for done, so that c can't be idle again before.
		t.discard(c, p.dirt())
		close(p.done)
	}()
	return p
}

// release tells that the connection was given back to its host. A nil idlePeek
// is none.
func (p *idlePeek) release() {
	if p != nil {
		close(p.put)
	}
}

func (p *idlePeek) dirt() closeReason {
	switch {
	case p == nil, !p.back.Load():
		return 0
	case p.err == nil:
		return closedUnclean
	}
	return closedByPeer
}

// takeOver waits for the goroutine that waited while the connection was idle:
// what it found is the response's beginning.
func (h *h1) takeOver(maxHeader int64) {
	if h.idle != nil {
		<-h.idle.done
		h.idle = nil
		h.limit = maxHeader - int64(h.br.Buffered())
	}
}
