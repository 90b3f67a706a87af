package berth

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"
)

// descriptor returns the connection's descriptor and whether all that comes out
// of nc is what the descriptor brings. It is nil for a connection that has none,
// and for one of a foreign type, which may have a buffer of its own, or a
// deadline that does nothing: for these a goroutine waits while they are idle
// (h1peek.go).
func descriptor(nc net.Conn) (raw syscall.RawConn, plain bool) {
	if tc, ok := nc.(*tls.Conn); ok {
		raw, _ = descriptor(tc.NetConn())
		return raw, false
	}
	var err error
	switch c := nc.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	}
	if err != nil || raw == nil {
		return nil, false
	}
	return raw, true
}

// hungUp is told by the watcher that the server closed c.
func (t *Transport) hungUp(c *conn) {
	var do todo
	c.h.hangup(c, time.Now(), &do)
	t.act(c.h, &do)
}

// discard closes c if it is idle.
func (t *Transport) discard(c *conn, why closeReason) {
	var do todo
	c.h.evict(c, why, time.Now(), &do)
	t.act(c.h, &do)
}
