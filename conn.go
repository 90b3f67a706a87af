package berth

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// conn is what the pool knows of a connection, whatever it speaks.
//
// It is in one place at a time: its host's idle list, its host's leased list,
// or none (just dialed, closed, or upgraded away). The lease is the right to
// use the second half of the fields, and only its holder does.
type conn struct {
	h  *host
	nc net.Conn
	// tls is the state after the handshake, for Response.TLS.
	tls *tls.ConnectionState

	// Guarded by the host's mutex.
	place   link[conn] // in host.idle or host.leased
	rank    link[conn] // in budget.idle, whose mutex guards it
	ranked  bool
	reused  bool      // was idle or leased before: a dead server is no surprise, so a retry is allowed
	hungUp  bool      // the server closed its side
	since   time.Time // became idle, or was leased
	idledAt time.Time // since, of the idleness that the lease ended; zero if it was handed over
	retires time.Time // is leased no more from then on; zero is never
	want    want      // of the request that has it or had it last

	serial uint64                   // at the watcher, or zero; guarded by its mutex
	x      atomic.Pointer[exchange] // that has it leased, for Close

	h1 h1
}

func newConn(h *host, nc net.Conn) *conn {
	c := &conn{h: h, nc: nc}
	c.place.of, c.rank.of = c, c
	c.h1.init(c)
	return c
}

// returns reports whether the pool can have c back from its lease.
func (c *conn) returns(now time.Time) bool {
	return !c.want.last && c.want.keeps() && !c.hungUp && (c.retires.IsZero() || now.Before(c.retires))
}

// overdue says why an idle connection is not to be leased, or zero.
func (c *conn) overdue(now time.Time) closeReason {
	switch {
	case !c.retires.IsZero() && !now.Before(c.retires):
		return closedTooOld
	case c.want.idleTimeout > 0 && now.Sub(c.since) >= c.want.idleTimeout:
		return closedIdleTimeout
	}
	return 0
}

// idleFor is how long a connection that became idle now may be so; zero is for
// ever.
func (c *conn) idleFor(now time.Time) time.Duration {
	d := max(0, c.want.idleTimeout)
	if c.retires.IsZero() {
		return d
	}
	left := c.retires.Sub(now)
	if d == 0 {
		return left
	}
	return min(d, left)
}

// closeReason is why a connection left the pool. Zero is not at all.
type closeReason uint8

const (
	closedIdleTimeout  closeReason = iota + 1 // IdleConnTimeout
	closedTooOld                              // MaxConnLifetime
	closedByPeer                              // the server closed it
	closedUnclean                             // bytes that nobody asked for, or a response cut short by its reader
	closedAfterRequest                        // the request or the response said so
	closedExcess                              // MaxIdleConns
	closedExcessHost                          // MaxIdleConnsPerHost
	closedForOther                            // MaxConns: made room for an older waiter of another host
	closedIdleCall                            // CloseIdleConnections
	closedCanceled                            // its request was cancelled or timed out
	closedByError                             // reading or writing failed
	closedByClose                             // Close or Shutdown
	closedUpgraded                            // it is the caller's now: 101 Switching Protocols
	closeReasons
)

var closeReasonText = [closeReasons]string{
	closedIdleTimeout:  "idle timeout",
	closedTooOld:       "lifetime over",
	closedByPeer:       "closed by the server",
	closedUnclean:      "not clean",
	closedAfterRequest: "not kept alive",
	closedExcess:       "too many idle connections",
	closedExcessHost:   "too many idle connections for host",
	closedForOther:     "made room for another host",
	closedIdleCall:     "CloseIdleConnections called",
	closedCanceled:     "request canceled",
	closedByError:      "connection broken",
	closedByClose:      "transport closed",
	closedUpgraded:     "upgraded",
}

func (r closeReason) String() string { return closeReasonText[r] }

// closeConn closes a connection that left the pool.
func closeConn(t *Transport, c *conn, why string) {
	t.watch.remove(c)
	closeNet(c.nc, why)
}

// closeNet closes a connection. All of them pass here, on the goroutine that
// caused it: tools that look into a running process hold on to this function and
// read why. (One that had to be closed at once, to end a read or a write, passes
// here after.)
//
//go:noinline
func closeNet(nc net.Conn, why string) {
	nc.Close()
}
