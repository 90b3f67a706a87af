package berth

import (
	"sync/atomic"
	"time"
)

// A lease is the right to one exchange on a connection. A connection of HTTP/1
// has one at a time, one of HTTP/2 as many as its server allows streams. Only
// the exchange that holds it uses it, but for place and want, which the host's
// mutex guards.
type lease struct {
	c       *conn
	want    *want // of the request
	since   time.Time
	idledAt time.Time     // since when the connection had been idle; zero if it was not
	reused  bool          // the connection had served before
	keep    time.Duration // what the response said of how long to keep the connection idle, or zero
	place   link[lease]

	open      atomic.Int64 // since when a response's body is open, in Unix nanoseconds, if LeakAfter is set; else zero
	leakAfter time.Duration
	leaked    bool // it was told of; guarded by the host's mutex

	x atomic.Pointer[exchange] // that holds it, for Close
}

func (l *lease) init(c *conn) {
	l.c = c
	l.place.of = l
}

// newLease is the only one of HTTP/1, or of HTTP/2 one that was given back, so that
// it costs nothing.
func (c *conn) newLease() *lease {
	if c.mux == nil {
		return &c.own
	}
	if n := len(c.mux.unused); n > 0 {
		l := c.mux.unused[n-1]
		c.mux.unused = c.mux.unused[:n-1]
		return l
	}
	l := new(lease)
	l.init(c)
	return l
}

// returns reports whether the pool can have back what l leased.
func (l *lease) returns(now time.Time) bool {
	return !l.want.last && l.want.keeps() && l.c.leaving == 0 && !l.c.tooOld(now)
}

// takeFree leases a stream of a connection that is in use, or the idle
// connection that was used last, if it was used after. In this order, so that
// what is not needed stays idle and leaves. With FIFO it is the other way round:
// the connection that is idle for longest, then a stream.
func (h *host) takeFree(want *want, after, now time.Time, do *todo) *lease {
	if want.fresh {
		return nil
	}
	fifo := want.fifo && after.IsZero()
	if fifo {
		if l := h.takeIdle(h.idle.front, true, want, after, now, do); l != nil {
			return l
		}
	}
	if h.shared.n > 0 {
		if c := h.leastLoaded(now); c != nil {
			return h.lease(c, want, now)
		}
	}
	if fifo {
		return nil
	}
	return h.takeIdle(h.idle.back, false, want, after, now, do)
}

// takeIdle leases the first idle connection from e on, upwards or downwards.
func (h *host) takeIdle(e *link[conn], up bool, want *want, after, now time.Time, do *todo) *lease {
	for e != nil {
		c := e.of
		if up {
			e = e.next
		} else {
			e = e.prev
		}
		if c.since.Before(after) {
			return nil
		}
		if why := c.overdue(now); why != 0 {
			h.dropIdle(c, why, now, do)
			continue
		}
		if !c.free(now) {
			continue
		}
		h.unidle(c)
		l := h.lease(c, want, now)
		l.idledAt = c.since
		return l
	}
	return nil
}

func (h *host) unidle(c *conn) {
	h.idle.remove(&c.place)
	h.budget.exit(c)
}

func (h *host) lease(c *conn, want *want, now time.Time) *lease {
	l := c.newLease()
	l.want, l.since, l.idledAt, l.reused = want, now, time.Time{}, c.reused
	h.leased.pushBack(&l.place)
	h.counts.acquired++
	if h.standby.dialer != nil {
		h.standby.used = now
	}
	if c.reused {
		h.counts.reused++
	}
	c.clean = false
	c.leases++
	c.served++
	if c.leases == 1 {
		h.inUse++
	}
	if c.mux != nil {
		h.leaseShared(c, want)
	}
	return l
}

func (h *host) leaseShared(c *conn, want *want) {
	if c.leases == 1 {
		h.shared.pushBack(&c.place)
	}
	c.reused = true // the next lease is not the first
	switch {
	case c.leaving != 0:
	case want.last || want.fresh:
		c.leaving = closedAfterRequest
	case c.worn(want):
		c.leaving = closedWorn
	}
}

// unlease ends a lease.
func (h *host) unlease(l *lease, now time.Time, do *todo) {
	c := l.c
	if l.leakAfter != 0 {
		h.closeBook(l, now, do)
	}
	h.leased.remove(&l.place)
	c.want, l.want = h.limited(l.want), nil // limits may have changed
	if l.keep > 0 {
		c.keep = l.keep
	}
	if c.mux != nil {
		c.mux.unused = append(c.mux.unused, l)
	}
	c.leases--
	if c.leases == 0 {
		h.inUse--
		h.shared.remove(&c.place)
	}
}
