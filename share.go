package berth

import "time"

// What only a connection of HTTP/2 asks for: several leases at once, as many as
// its server allows streams, which the server may change its mind about.

// share leases streams of c that are free to those that wait.
func (h *host) share(c *conn, now time.Time, do *todo) {
	for c.free(now) {
		w := h.oldest()
		if w == nil {
			break
		}
		h.serve(w, c, nil, now, do)
	}
	h.coverAll(now, do) // c may be leaving
}

// offer is share for a connection that may be idle, or not be dialed yet.
func (h *host) offer(c *conn, now time.Time, do *todo) {
	switch {
	case c.place.in == &h.shared:
		h.share(c, now, do)
	case c.place.in == &h.idle && c.free(now) && h.oldest() != nil:
		h.unidle(c)
		h.settle(c, now, do)
	}
}

// allow tells how many streams c's server allows.
func (h *host) allow(c *conn, streams int, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.most, h.streams = streams, streams
	h.offer(c, now, do)
}

// choke takes back a lease for which its connection had no stream, though it
// should have: the server's limit fell, or streams that were cancelled are not
// over for it yet. The connection has none to spare until relieve is called.
func (h *host) choke(l *lease, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l.c.choked = true
	h.unlease(l, now, do)
	h.takeBack(l.c, 0, now, do)
	h.coverAll(now, do)
}

// relieve tells that c has streams to spare again.
func (h *host) relieve(c *conn, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.choked {
		c.choked = false
		h.offer(c, now, do)
	}
}

// strand lets those move on who counted on streams of c to come back.
func (h *host) strand(c *conn, now time.Time, do *todo) {
	for range c.leases {
		h.hasten(now, do)
	}
	h.coverAll(now, do)
}

// open counts the connections that take leases, or will: those that take no more
// make room for others.
func (h *host) open(now time.Time) int {
	n := h.conns()
	for c := range h.shared.all {
		if c.leaving != 0 || c.tooOld(now) {
			n--
		}
	}
	return n
}

// leastLoaded returns the connection of HTTP/2 that is in use, has a stream to
// spare, and the fewest leases, or nil.
func (h *host) leastLoaded(now time.Time) (least *conn) {
	for e := h.shared.front; e != nil; e = e.next {
		if c := e.of; c.free(now) && (least == nil || c.leases < least.leases) {
			least = c
		}
	}
	return least
}

// hasStreams reports whether a connection of HTTP/2 has a stream to spare.
func (h *host) hasStreams(now time.Time) bool {
	if h.leastLoaded(now) != nil {
		return true
	}
	for c := range h.idle.all {
		if c.mux != nil && c.free(now) {
			return true
		}
	}
	return false
}

// join has w wait for a dial in flight that is for others: its connection will
// have a stream for w too, if it is like the last one.
func (h *host) join(w *waiter) bool {
	if h.streams <= 1 || w.want.fresh {
		return false
	}
	for d := range h.dials.all {
		if d.n > 0 && d.n < h.streams && !d.want.fresh {
			h.own(w, d)
			return true
		}
	}
	return false
}
