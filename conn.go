package berth

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// conn is what the pool knows of a connection, whatever it speaks.
//
// It is in one place at a time: its host's idle list, or, while it is leased,
// its leases are in the host's leased list; or in none (just dialed, closed, or
// upgraded away).
type conn struct {
	h  *host
	nc net.Conn
	// tls is the state after the handshake, for Response.TLS.
	tls *tls.ConnectionState

	// Guarded by the host's mutex.
	place   link[conn] // in host.idle, or, of HTTP/2 and leased, in host.shared
	rank    link[conn] // in budget.idle, whose mutex guards it
	ranked  bool
	reused  bool          // was idle or leased before: a dead server is no surprise, so a retry is allowed
	leases  int           // at the moment
	most    int           // how many it takes at once: 1, or, of HTTP/2, the server's limit of streams
	clean   bool          // nothing is under way on it
	choked  bool          // HTTP/2 has no stream to spare at the moment, whatever most says
	leaving closeReason   // why it takes no new lease, though those that it has go on; zero while it does
	served  int           // leases that there were
	keep    time.Duration // how long the server said that it keeps the connection idle; zero is nothing said
	since   time.Time     // became idle
	retires time.Time     // is leased no more from then on; zero is never
	want    *want         // of the request that had it last

	born    time.Time    // when its dial was done
	in, out atomic.Int64 // bytes read and written, those of TLS not counted

	berth *berth // what its port is counted in, or nil

	serial uint64 // at the watcher, or zero; guarded by its mutex

	own lease   // HTTP/1: the only one
	h1  h1      // HTTP/1: its lease's
	mux *muxing // what several exchanges use at once, HTTP/2 first of all; nil for HTTP/1
}

func newConn(h *host, nc net.Conn) *conn {
	c := &conn{h: h, nc: nc, most: 1, clean: true}
	c.place.of, c.rank.of = c, c
	c.own.init(c)
	c.h1.init(c)
	return c
}

// free reports whether c can have one more lease.
func (c *conn) free(now time.Time) bool {
	return c.leases < c.most && !c.choked && c.leaving == 0 && !c.tooOld(now)
}

func (c *conn) tooOld(now time.Time) bool { return !c.retires.IsZero() && !now.Before(c.retires) }

// overdue says why an idle connection is not to be leased, or zero.
func (c *conn) overdue(now time.Time) closeReason {
	if c.tooOld(now) {
		return closedTooOld
	}
	if limit := c.idleLimit(); limit > 0 && now.Sub(c.since) >= limit {
		return closedIdleTimeout
	}
	return 0
}

// idleLimit is how long the connection may be idle, by IdleConnTimeout and by
// what the server said; zero is for ever.
func (c *conn) idleLimit() time.Duration {
	d := c.want.idleTimeout
	if d <= 0 || c.keep > 0 && c.keep < d {
		return c.keep
	}
	return d
}

// worn reports whether the connection has served as many requests as it may.
func (c *conn) worn(want *want) bool { return want.maxRequests > 0 && c.served >= want.maxRequests }

// idleFor is how long a connection that became idle now may be so; zero is for
// ever.
func (c *conn) idleFor(now time.Time) time.Duration {
	d := c.idleLimit()
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
	closedWorn                                // MaxConnRequests
	closedOverLimit                           // SetHostLimits lowered MaxConnsPerHost
	closedLost                                // the collector found its response's body unclosed
	closedSpare                               // another one of HTTP/2 has streams for all
	closedMoved                               // its address is none of its host's any more
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
	closedWorn:         "served enough requests",
	closedOverLimit:    "limit lowered",
	closedLost:         "response body lost",
	closedSpare:        "not needed beside another one of HTTP/2",
	closedMoved:        "address left the host's name",
}

func (r closeReason) String() string { return closeReasonText[r] }

// closeConn closes a connection that left the pool.
func closeConn(t *Transport, d doomed) {
	t.watch.remove(d.c)
	reset := d.reset && lingerNot(d.c.nc)
	waits := d.c.berth != nil && !reset && d.why != closedByPeer && closesFirst(d.c.nc)
	closeNet(d.c.bottom(), d.why.String())
	t.ledger.release(d.c.berth, waits, time.Now())
}

// lingerNot has the close of a connection reset it, so that its port is free at
// once: only who closes in order has a TIME_WAIT. It reports whether it could.
func lingerNot(nc net.Conn) bool {
	for {
		switch c := nc.(type) {
		case interface{ SetLinger(int) error }:
			return c.SetLinger(0) == nil
		case interface{ NetConn() net.Conn }:
			nc = c.NetConn()
		default:
			return false
		}
	}
}

// bottom is what to close.
func (c *conn) bottom() net.Conn {
	if c.mux != nil && c.mux.wire != nil {
		return c.mux.wire
	}
	return c.nc
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
