package fakenet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Listener is a server's side of the network. Dial reaches it by any address, so
// that one listener can be all the hosts of a test: an address of digits becomes
// the connection's, any other is as if it resolved to the listener's own.
type Listener struct {
	// Buffer limits the bytes on their way in each direction of a new
	// connection; a Write that exceeds it blocks. If zero, there is no limit.
	// It may be changed only while no dial is under way.
	Buffer int

	// OnDial, if not nil, is called for each Dial, on the goroutine that dials
	// and before there is a connection. The dial takes as long as OnDial does
	// and fails with its error; see Sleep. A syscall.Errno is reported as
	// connect's. It may be changed only while no dial is under way.
	OnDial func(ctx context.Context, network, addr string) error

	addr *net.TCPAddr

	mu     sync.Mutex // guards the fields below
	came   *sync.Cond // a connection, or the end of the listener
	queue  []*Conn    // dialed and not accepted yet, oldest first
	closed bool
}

// Listen returns a new listener, with an address of its own.
func Listen() *Listener {
	l := &Listener{addr: newAddr()}
	l.came = sync.NewCond(&l.mu)
	return l
}

// Addr returns the listener's address, a *net.TCPAddr.
func (l *Listener) Addr() net.Addr { return l.addr }

// Accept waits for a connection and returns it: a *Conn. After Close it returns
// net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err // a nil *Conn in a net.Conn would not be nil
	}
	return c, nil
}

// AcceptConn is Accept for tests that reset or half-close what they accept.
func (l *Listener) AcceptConn() (*Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 && !l.closed {
		l.came.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	return c, nil
}

// Close ends the listener: connections that were dialed and not accepted are
// reset, and later dials fail with ECONNREFUSED. Accepted connections stay.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	for _, c := range l.queue {
		c.Reset()
	}
	l.closed, l.queue = true, nil
	l.came.Broadcast()
	return nil
}

// Dial connects to the listener and returns a *Conn. It does not wait until the
// connection is accepted, as TCP does not. Its errors are *net.OpError; a ctx
// that is done before the connection is there fails it.
func (l *Listener) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := l.beforeDial(ctx, network, addr); err != nil {
		return nil, dialError(network, l.resolve(addr), err)
	}
	client, server := newPipe(l.Buffer, newAddr(), l.resolve(addr))
	if !l.enqueue(server) {
		return nil, dialError(network, l.resolve(addr), syscall.ECONNREFUSED)
	}
	return client, nil
}

func (l *Listener) beforeDial(ctx context.Context, network, addr string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.OnDial == nil {
		return nil
	}
	if err := l.OnDial(ctx, network, addr); err != nil {
		return err
	}
	return ctx.Err()
}

// enqueue reports whether the listener took the connection.
func (l *Listener) enqueue(c *Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.queue = append(l.queue, c)
	l.came.Signal()
	return true
}

func (l *Listener) resolve(addr string) *net.TCPAddr {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return net.TCPAddrFromAddrPort(ap)
	}
	return l.addr
}

func dialError(network string, addr *net.TCPAddr, err error) error {
	if e := (*net.OpError)(nil); errors.As(err, &e) {
		return err
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError("connect", errno)
	}
	return &net.OpError{Op: "dial", Net: network, Addr: addr, Err: err}
}

// Sleep waits for d of the bubble's time and returns nil, or ctx's error if ctx
// is done first: an OnDial that takes its time.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// addrs counts the addresses given out, so that no two are alike until the range
// is through.
var addrs atomic.Uint32

// newAddr returns an address of TEST-NET-1 (RFC 5737) with the next port from
// the dynamic range.
func newAddr() *net.TCPAddr {
	const first, ports = 49152, 1<<16 - 49152
	port := first + int(addrs.Add(1)-1)%ports
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: port}
}
