// Package fakenet is a network in memory, for tests in testing/synctest: a
// [Listener], whose Dial can be a Transport's DialContext, and the connections
// between the two.
//
// A connection behaves as TCP does on Linux, as far as a program can see it
// through net.Conn: what was sent before a close or a reset is read first,
// closing with unread bytes resets, and errors are *net.OpError around the same
// causes. Its deadlines follow the clock of the bubble, and who waits in it is
// durably blocked. What it does not have is a descriptor: there is no
// SyscallConn, so nobody can peek into its buffer or wait for it in epoll.
//
// Everything has to be made in the bubble in which it is used.
package fakenet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Conn is one end of a connection. Its methods may be called by several
// goroutines at once; each Write goes out in one piece.
type Conn struct {
	wire          *wire
	self, peer    *end
	local, remote *net.TCPAddr
}

// A wire is what both ends of a connection have in common. One lock for the two
// of them, since nearly every step (a close, a reset, a full buffer) is seen by
// both.
type wire struct {
	limit int // of bytes on their way in one direction; zero is no limit

	mu      sync.Mutex // guards the fields below, and both ends
	changed *sync.Cond // something below or in an end did
	ends    [2]end
}

// An end is the state of one Conn.
type end struct {
	in      []byte // sent by the peer and not read yet
	fin     bool   // it sends no more: CloseWrite or Close
	closed  bool   // by Close or Reset
	reset   bool   // by the peer: what is in may still be read
	refused bool   // the peer was closed when this end last wrote
	writing bool   // a Write is under way: the next one waits

	readBy, writeBy deadline
}

// Pipe returns the two ends of a new connection. At most limit bytes are on
// their way in each direction before Write blocks; zero is no limit.
func Pipe(limit int) (client, server *Conn) {
	return newPipe(limit, newAddr(), newAddr())
}

func newPipe(limit int, clientAddr, serverAddr *net.TCPAddr) (client, server *Conn) {
	w := &wire{limit: limit}
	w.changed = sync.NewCond(&w.mu)
	a, b := &w.ends[0], &w.ends[1]
	return &Conn{w, a, b, clientAddr, serverAddr}, &Conn{w, b, a, serverAddr, clientAddr}
}

// LocalAddr returns the address of this end, a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end, a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// errBlocked is how a step says that it has to wait until the wire changes. It
// never leaves the package.
var errBlocked = errors.New("fakenet: blocked")

// Read returns what the peer has sent, io.EOF when it sends no more, and
// ECONNRESET when it has reset the connection and its bytes are read.
func (c *Conn) Read(p []byte) (int, error) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for {
		n, err := c.readStep(p)
		if err != errBlocked {
			c.wire.changed.Broadcast()
			return n, c.opError("read", err)
		}
		c.wire.changed.Wait()
	}
}

// readStep is a Read that does not wait. A deadline that has passed comes before
// bytes that are there, as in net: who reads under such a deadline asks what is
// buffered above the connection, not below.
func (c *Conn) readStep(p []byte) (int, error) {
	switch e := c.self; {
	case e.closed:
		return 0, net.ErrClosed
	case e.readBy.passed():
		return 0, os.ErrDeadlineExceeded
	case len(p) == 0:
		return 0, nil
	case len(e.in) > 0:
		n := copy(p, e.in)
		e.in = e.in[n:]
		return n, nil
	case e.reset:
		return 0, syscall.ECONNRESET
	case c.peer.fin:
		return 0, io.EOF
	}
	return 0, errBlocked
}

// Write sends p, and blocks while the limit of the connection is reached. The
// first Write after the peer was closed succeeds and is lost; the next ones fail
// with EPIPE, as they do when the peer's reset has come back.
func (c *Conn) Write(p []byte) (int, error) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for c.self.writing {
		c.wire.changed.Wait()
	}
	c.self.writing = true
	n, err := c.writeAll(p)
	c.self.writing = false
	c.wire.changed.Broadcast()
	return n, c.opError("write", err)
}

func (c *Conn) writeAll(p []byte) (sent int, err error) {
	for {
		n, err := c.writeStep(p[sent:])
		sent += n
		switch {
		case err == errBlocked:
			c.wire.changed.Wait()
		case err != nil || sent == len(p):
			return sent, err
		default:
			c.wire.changed.Broadcast()
		}
	}
}

// writeStep is a Write that does not wait: it sends as much of p as there is
// room for.
func (c *Conn) writeStep(p []byte) (int, error) {
	switch e := c.self; {
	case e.closed:
		return 0, net.ErrClosed
	case e.writeBy.passed():
		return 0, os.ErrDeadlineExceeded
	case e.reset:
		return 0, syscall.ECONNRESET
	case e.fin, e.refused:
		return 0, syscall.EPIPE
	case c.peer.closed:
		e.refused = true
		return len(p), nil
	}
	n := len(p)
	if limit := c.wire.limit; limit > 0 {
		n = min(n, limit-len(c.peer.in))
	}
	if n == 0 && len(p) > 0 {
		return 0, errBlocked
	}
	c.peer.in = append(c.peer.in, p[:n]...)
	return n, nil
}

// CloseWrite ends what this end sends: the peer reads io.EOF behind it, and may
// go on sending.
func (c *Conn) CloseWrite() error {
	return c.change("close", func() { c.self.fin = true })
}

// Close ends the connection in both directions. If the peer has sent bytes that
// were not read, it sees a reset, as a closed TCP socket gives it; else io.EOF.
// Reads and writes under way return net.ErrClosed, and so does a second Close.
func (c *Conn) Close() error {
	return c.change("close", func() {
		if len(c.self.in) > 0 {
			c.peer.reset = true
		}
		c.self.close()
	})
}

// Reset closes this end so that the peer's reads and writes fail with
// ECONNRESET, except that the peer reads first what was sent before.
func (c *Conn) Reset() error {
	return c.change("close", func() {
		c.peer.reset = true
		c.self.close()
	})
}

func (e *end) close() {
	e.fin, e.closed, e.in = true, true, nil
	e.readBy.stop()
	e.writeBy.stop()
}

// SetDeadline sets the deadline of reads and of writes, those under way
// included. A zero time is none. They then fail with os.ErrDeadlineExceeded.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.change("set", func() {
		c.self.readBy.set(t, c.wire)
		c.self.writeBy.set(t, c.wire)
	})
}

// SetReadDeadline is SetDeadline for reads alone.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.change("set", func() { c.self.readBy.set(t, c.wire) })
}

// SetWriteDeadline is SetDeadline for writes alone.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.change("set", func() { c.self.writeBy.set(t, c.wire) })
}

// change does f under the lock, unless this end is closed, and wakes who waits.
func (c *Conn) change(op string, f func()) error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	if c.self.closed {
		return c.opError(op, net.ErrClosed)
	}
	f()
	c.wire.changed.Broadcast()
	return nil
}

// opError dresses an error as package net does.
func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	if op == "set" {
		return &net.OpError{Op: op, Net: "tcp", Addr: c.local, Err: err}
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// A deadline is a time, and the timer that wakes the wire's waiters when it
// comes. It is guarded by the wire's lock.
type deadline struct {
	at    time.Time // zero: none
	timer *time.Timer
}

func (d *deadline) passed() bool {
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

func (d *deadline) set(t time.Time, w *wire) {
	d.stop()
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, w.wake)
	}
}

// stop lets go of the timer, so that a closed connection leaves none behind.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// wake takes the lock, so that it cannot come between a waiter's look at its
// deadline and its sleep.
func (w *wire) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed.Broadcast()
}
