package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A dialer counts the dials that start, and, if it keeps what they made, the
// connections that are open.
type dialer struct {
	net   net.Dialer
	takes time.Duration // on top of what the kernel needs
	begun atomic.Int64

	keeps bool // not where memory is measured
	mu    sync.Mutex
	made  []net.Conn // guarded by mu
}

func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	d.begun.Add(1)
	if d.takes > 0 {
		select {
		case <-time.After(d.takes):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	c, err := d.net.DialContext(ctx, network, addr)
	if err == nil && d.keeps {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.made = append(d.made, c)
	}
	return c, err
}

// Dial is what fasthttp asks for.
func (d *dialer) Dial(addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), "tcp", addr)
}

func (d *dialer) dials() int { return int(d.begun.Load()) }

// open counts the connections that the client has not closed. It asks each of
// them, so that none has to be wrapped into something that is no TCP connection.
func (d *dialer) open() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.made {
		if isOpen(c) {
			n++
		}
	}
	return n
}

func isOpen(c net.Conn) bool {
	raw, err := c.(syscall.Conn).SyscallConn()
	return err == nil && raw.Control(func(uintptr) {}) == nil
}
