package berth

import "time"

// What a request waits for. As long as it stands in the queue, each waiter is
// covered by exactly one of: a dial in flight that is for it; a dial put off
// until a time; a limit that is reached. Whatever ends one of these (a dial that
// lands or fails, a timer, a connection that goes) calls on the functions here
// to find it another.

// overfull reports whether w is one too many of those that wait without a dial.
func (h *host) overfull(w *waiter) bool {
	if w.want.maxWaiting <= 0 || w.dial != nil {
		return false
	}
	n := h.waiting.n
	for d := range h.dials.all {
		n -= d.n
	}
	return n > w.want.maxWaiting
}

// cover sees to it that w, if it waits for nothing yet, waits for something: a
// dial of its own, a dial that is put off, or a limit to ease. With elide false
// the dial is not put off for the sake of connections that come back.
func (h *host) cover(w *waiter, now time.Time, elide bool, do *todo) {
	if w.dial != nil || !w.due.IsZero() || w.hungry {
		return
	}
	if h.join(w) || h.full(w, now) || h.probing() {
		do.put = do.put || w.want.maxHTTP2 > 0 // see nextDue
		h.unslot(w, do)
		return
	}
	if due := h.putOff(w, now, elide); !due.IsZero() {
		w.due, do.put = due, true
		h.unslot(w, do)
		return
	}
	if !w.slot && !h.budget.acquire(w) {
		w.hungry, do.room = true, true
		return
	}
	w.slot = false
	h.makeRoom(w, now, do)
	d := newDial(h, w.want, w.dialer, w.whyDial(), now)
	h.own(w, d)
	h.dials.pushBack(&d.place)
	h.counts.dials++
	do.dials = append(do.dials, d)
}

// full reports whether a limit of this host forbids a dial for w. An idle
// connection that w can't have makes room.
func (h *host) full(w *waiter, now time.Time) bool {
	used := h.inUse + h.dials.n
	return w.want.maxConnsPerHost > 0 && used >= w.want.maxConnsPerHost ||
		w.want.maxDialsPerHost > 0 && h.dials.n >= w.want.maxDialsPerHost ||
		h.http2Full(w, now)
}

// http2Full reports whether MaxHTTP2ConnsPerHost is reached.
func (h *host) http2Full(w *waiter, now time.Time) bool {
	if w.want.maxHTTP2 <= 0 || !h.http2 {
		return false
	}
	open := h.open(now)
	if w.want.fresh {
		open -= h.idle.n // which makes room
	}
	return open >= w.want.maxHTTP2
}

// makeRoom closes an idle connection that is in the way of a waiter that can't
// have it: a retry, or one with DisableKeepAlives.
func (h *host) makeRoom(w *waiter, now time.Time, do *todo) {
	limit, http2 := w.want.maxConnsPerHost, w.want.maxHTTP2
	over := limit > 0 && h.conns() >= limit || http2 > 0 && h.http2 && h.open(now) >= http2
	if c := h.idle.first(); c != nil && over {
		h.dropIdle(c, closedForOther, now, do)
	}
}

// unslot gives back a slot that w did not use.
func (h *host) unslot(w *waiter, do *todo) {
	if w.slot {
		w.slot = false
		do.free++
	}
}

// putOff returns until when the dial for w waits, or zero for no longer.
//
// It is the ski-rental rule: rent before you buy. The k-th waiter on n
// connections that come back expects one after ⌈k/n⌉ × hold. If that is less
// than a dial takes, the dial is put off for as long as it would take, and
// dropped if w has been served by then: at worst, w waits for twice the best.
func (h *host) putOff(w *waiter, now time.Time, elide bool) time.Time {
	if until := h.backedOff(now); !until.IsZero() {
		return until
	}
	took, known := h.dialing.get(now)
	if !elide || w.rush || w.rented || w.want.fresh || !known || !h.hold.known {
		return time.Time{}
	}
	n := h.comingBack(max(h.hold.mean, took), now)
	if n == 0 {
		return time.Time{}
	}
	turns := (h.position(w) + n - 1) / n
	if time.Duration(turns)*h.hold.mean >= took {
		return time.Time{}
	}
	return now.Add(min(took, longestDefer))
}

// comingBack counts the leases that can be expected to bring their connection
// back, or their stream of one: not those that end it, and not those held for
// longer than patience, which are no ordinary requests.
func (h *host) comingBack(patience time.Duration, now time.Time) (n int) {
	for e := h.leased.back; e != nil && now.Sub(e.of.since) <= patience; e = e.prev {
		if e.of.returns(now) {
			n++
		}
	}
	return n
}

// mayComeBack reports whether any lease can bring its connection back, however
// long it takes.
func (h *host) mayComeBack(now time.Time) bool {
	for l := range h.leased.all {
		if l.returns(now) {
			return true
		}
	}
	return false
}

// position is w's place in the queue, from 1.
func (h *host) position(w *waiter) int {
	if h.waiting.last() == w {
		return h.waiting.n
	}
	k := 1
	for e := h.waiting.front; e != nil && e.of != w; e = e.next {
		k++
	}
	return k
}

// coverAll covers the waiters that a limit held back, the oldest first, until
// the limit is reached again; and then those that may come, see standby.
func (h *host) coverAll(now time.Time, do *todo) {
	if h.waiting.n > 0 || h.standby.dialer != nil { // so that this much is inlined
		h.coverWaiting(now, do)
	}
}

func (h *host) coverWaiting(now time.Time, do *todo) {
	for w := range h.waiting.all {
		h.cover(w, now, true, do)
		held := w.dial == nil && w.due.IsZero() && !w.hungry
		if held && !w.want.fresh && w.want.maxHTTP2 <= 0 {
			return // what holds it holds those behind it; but the limits of one with DisableKeepAlives are others
		}
	}
	h.topUp(now, do)
}

// hasten starts the oldest dial that was put off: the connection that its
// waiter counted on is gone.
func (h *host) hasten(now time.Time, do *todo) {
	for w := range h.waiting.all {
		if !w.due.IsZero() {
			w.due, w.rented = time.Time{}, true
			h.cover(w, now, false, do)
			return
		}
	}
}

// due starts the dials whose time has come. It returns when the next is to
// start, or zero.
func (h *host) due(now time.Time, do *todo) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.waiting.all {
		if !w.due.IsZero() && !w.due.After(now) {
			w.due, w.rented = time.Time{}, true
			h.cover(w, now, false, do)
		}
	}
	h.coverAll(now, do)
	do.empty = h.empty(now)
	return h.nextDue(now)
}

// nextDue returns when something is to be done next, or zero: a dial that was put
// off starts; a connection of HTTP/2 makes room, whose lifetime ends while its
// streams go on; a host that is down has had its pause.
func (h *host) nextDue(now time.Time) (next time.Time) {
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if h.waiting.n == 0 && h.backoff.until.After(now) {
		sooner(h.backoff.until) // the host may be forgotten
	}
	if at := h.standbyPause(); at.After(now) && h.expects(now) {
		sooner(at)
	}
	limited := false
	for w := range h.waiting.all {
		if !w.due.IsZero() {
			sooner(w.due)
		}
		limited = limited || w.want.maxHTTP2 > 0
	}
	for c := range h.shared.all {
		if limited && c.retires.After(now) {
			sooner(c.retires)
		}
	}
	return next
}

// granted gives w a slot of the budget.
func (h *host) granted(w *waiter, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !w.hungry {
		do.free++ // it was served meanwhile
		return
	}
	h.budget.leave(w) // it may have begun to starve again, with this slot on its way
	w.hungry, w.slot = false, true
	h.cover(w, now, true, do)
}

// sate takes w out of those that starve for a slot.
func (h *host) sate(w *waiter) {
	if w.hungry {
		w.hungry = false
		h.budget.leave(w)
	}
}

// own has w wait for d.
func (h *host) own(w *waiter, d *dial) {
	w.dial = d
	d.n++
	if d.w == nil {
		d.w = w
	}
}

// disown has w wait for its dial no more, which goes on for others.
func (h *host) disown(w *waiter, do *todo) {
	d := w.dial
	w.dial = nil
	d.n--
	if d.w != w {
		return
	}
	d.w = nil
	if d.n == 0 {
		h.adopt(d, do)
		return
	}
	for other := range h.waiting.all {
		if other.dial == d {
			d.w = other
			return
		}
	}
}

// uncover takes d, which is over, from those that it was for.
func (h *host) uncover(d *dial) {
	d.w = nil
	for w := h.waiting.front; d.n > 0; w = w.next {
		if w.of.dial == d {
			w.of.dial = nil
			d.n--
		}
	}
}

// adopt gives a dial in flight to the oldest waiter that has none. If there is
// none in need, what it brings becomes idle, and waiters that come later do not
// count on it: it may be as old as its host is dead (net/http's
// transport_dial_test.go wants it so, too). Over HTTP/2 it is ended: there is a
// stream for everybody.
func (h *host) adopt(d *dial, do *todo) {
	for w := range h.waiting.all {
		if w.dial == nil && !w.want.fresh && !d.want.fresh {
			h.own(w, d)
			w.due = time.Time{}
			h.sate(w)
			h.unslot(w, do)
			return
		}
	}
	if h.streams > 1 && h.shared.n > 0 {
		do.cancels = append(do.cancels, d)
	}
}
