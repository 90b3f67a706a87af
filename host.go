package berth

import (
	"sync"
	"time"
)

// hostKey names a destination: what may share connections.
type hostKey struct {
	scheme, addr string // addr is host:port, as net/http's canonicalAddr has it
}

// String is the host's public name, as Stats and errors have it.
func (k hostKey) String() string { return k.scheme + "://" + k.addr }

// host is one destination, and all that is true of it: connections idle and
// leased, dials in flight, requests that wait.
//
// Its methods are pure transitions. Each locks, decides, and writes what is to
// be done into a todo, which Transport.act does after the lock is released; no
// method does I/O or touches a channel, and time is an argument.
type host struct {
	key    hostKey
	budget *budget

	mu      sync.Mutex // guards the fields below
	idle    list[conn] // the longest idle first
	leased  list[conn] // the longest leased first
	dials   list[dial]
	waiting list[waiter] // the oldest first
	hold    holdEstimate
	dialing dialEstimate
	backoff backoff
	counts  counts
	shut    bool // the Transport was closed
	gone    bool // left the map: look it up again

	timer *time.Timer // for the dials put off; made when first needed
}

// todo is what a transition decided. Its zero value is nothing to do.
type todo struct {
	served, lastServed *waiter // chained: wake each
	dials              []*dial // start these
	cancels            []*dial // end these early
	closes             []doomed
	released           *conn         // is its caller's from now on: watch it no more
	free               int           // slots of the budget to pass on
	room               bool          // a waiter starves: evict what is idle elsewhere
	excess             bool          // more are idle than MaxIdleConns: evict the oldest
	idled              time.Time     // a connection became idle then; zero is none
	idleFor            time.Duration // and may be so for this long; zero is for ever
	put                bool          // a dial was put off: set the host's timer
	empty              bool          // the host may leave the map
}

type doomed struct {
	c   *conn
	why closeReason
}

func newHost(key hostKey, b *budget) *host { return &host{key: key, budget: b} }

// take leases an idle connection to a request that wants it, or returns nil.
func (h *host) take(want *want, now time.Time, do *todo) (*conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refuses(); err != nil {
		return nil, err
	}
	return h.takeIdle(want, time.Time{}, now, do), nil
}

func (h *host) refuses() error {
	switch {
	case h.shut:
		return ErrClosed
	case h.gone:
		return errHostGone
	}
	return nil
}

// takeIdle leases the connection that was used last, if it was used after.
func (h *host) takeIdle(want *want, after, now time.Time, do *todo) *conn {
	if want.fresh {
		return nil
	}
	for {
		c := h.idle.last()
		if c == nil || c.since.Before(after) {
			return nil
		}
		h.unidle(c)
		if why := c.overdue(now); why != 0 {
			h.drop(c, why, do)
			continue
		}
		c.idledAt = c.since
		h.lease(c, want, now)
		return c
	}
}

func (h *host) unidle(c *conn) {
	h.idle.remove(&c.place)
	h.budget.exit(c)
}

func (h *host) lease(c *conn, want *want, now time.Time) {
	c.want, c.since = *want, now
	h.leased.pushBack(&c.place)
	h.counts.acquired++
	if c.reused {
		h.counts.reused++
	}
}

// drop closes a connection that is in no list any more.
func (h *host) drop(c *conn, why closeReason, do *todo) {
	do.closes = append(do.closes, doomed{c, why})
	do.free++
	h.counts.closed[why]++
}

// wait enters w in the queue, unless there is a connection for it by now.
func (h *host) wait(w *waiter, now time.Time, do *todo) (*conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refuses(); err != nil {
		return nil, err
	}
	if c := h.takeIdle(&w.want, time.Time{}, now, do); c != nil {
		return c, nil
	}
	h.enter(w, false)
	h.cover(w, now, true, do)
	if h.overfull(w) {
		h.leave(w, now, do)
		h.counts.rejected++
		return nil, ErrQueueFull
	}
	return nil, nil
}

func (h *host) enter(w *waiter, inFront bool) {
	w.h = h
	if inFront {
		h.waiting.pushFront(&w.queue)
	} else {
		h.waiting.pushBack(&w.queue)
	}
	h.counts.waited++
}

// overfull reports whether w is one too many of those that wait without a dial.
func (h *host) overfull(w *waiter) bool {
	if w.want.maxWaiting <= 0 || w.dial != nil {
		return false
	}
	n := h.waiting.n
	for d := range h.dials.all {
		if d.w != nil {
			n--
		}
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
	h.makeRoom(w, do)
	if h.full(w) || h.probing() {
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
	d := newDial(w, now)
	w.dial = d
	h.dials.pushBack(&d.place)
	h.counts.dials++
	do.dials = append(do.dials, d)
}

// full reports whether a limit of this host forbids a dial for w.
func (h *host) full(w *waiter) bool {
	open := h.idle.n + h.leased.n + h.dials.n
	return w.want.maxConnsPerHost > 0 && open >= w.want.maxConnsPerHost ||
		w.want.maxDialsPerHost > 0 && h.dials.n >= w.want.maxDialsPerHost
}

// makeRoom closes an idle connection that is in the way of a waiter that can't
// have it: a retry, or one with DisableKeepAlives.
func (h *host) makeRoom(w *waiter, do *todo) {
	limit := w.want.maxConnsPerHost
	if c := h.idle.first(); c != nil && limit > 0 && h.idle.n+h.leased.n+h.dials.n >= limit {
		h.unidle(c)
		h.drop(c, closedForOther, do)
	}
}

// probing reports whether, after a local fault, one dial is trying whether it
// has passed: the others wait for its answer, or for a connection to come back.
func (h *host) probing() bool { return h.backoff.pause > 0 && h.dials.n > 0 }

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
	if h.backoff.until.After(now) && (h.dials.n > 0 || h.mayComeBack(now)) {
		return h.backoff.until
	}
	took, known := h.dialing.get(now)
	if !elide || w.rush || w.want.fresh || !known || !h.hold.known {
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
// back: not those that end it, and not those held for longer than patience,
// which are no ordinary requests.
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
	for c := range h.leased.all {
		if c.returns(now) {
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
// the limit is reached again.
func (h *host) coverAll(now time.Time, do *todo) {
	for w := range h.waiting.all {
		h.cover(w, now, true, do)
		if w.dial == nil && w.due.IsZero() && !w.hungry {
			return
		}
	}
}

// hasten starts the oldest dial that was put off: the connection that its
// waiter counted on is gone.
func (h *host) hasten(now time.Time, do *todo) {
	for w := range h.waiting.all {
		if !w.due.IsZero() {
			w.due = time.Time{}
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
			w.due = time.Time{}
			h.cover(w, now, false, do)
		}
	}
	return h.nextDue()
}

func (h *host) nextDue() (next time.Time) {
	for w := range h.waiting.all {
		if !w.due.IsZero() && (next.IsZero() || w.due.Before(next)) {
			next = w.due
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
	w.hungry, w.slot = false, true
	h.cover(w, now, true, do)
}

// serve takes w out of the queue with a connection or an error.
func (h *host) serve(w *waiter, c *conn, err error, now time.Time, do *todo) {
	if c != nil {
		c.idledAt = time.Time{}
		if !w.due.IsZero() {
			h.counts.elided++
		}
		h.counts.waitTime += now.Sub(w.since)
		h.lease(c, &w.want, now)
	}
	h.leave(w, now, do)
	w.conn, w.err = c, err
	if do.lastServed == nil {
		do.served = w
	} else {
		do.lastServed.chain = w
	}
	do.lastServed = w
}

// sate takes w out of those that starve for a slot.
func (h *host) sate(w *waiter) {
	if w.hungry {
		w.hungry = false
		h.budget.leave(w)
	}
}

// leave takes w out of the queue, and finds its dial another waiter.
func (h *host) leave(w *waiter, now time.Time, do *todo) {
	h.waiting.remove(&w.queue)
	h.sate(w)
	h.unslot(w, do)
	w.due = time.Time{}
	if d := w.dial; d != nil {
		w.dial, d.w = nil, nil
		h.adopt(d, do)
	}
}

// adopt gives a dial in flight to the oldest waiter that has none. If there is
// none in need, what it brings becomes idle, and waiters that come later do not
// count on it: it may be as old as its host is dead (net/http's
// transport_dial_test.go wants it so, too).
func (h *host) adopt(d *dial, do *todo) {
	for w := range h.waiting.all {
		if w.dial == nil && !w.want.fresh && !d.want.fresh {
			w.dial, d.w = d, w
			w.due = time.Time{}
			h.sate(w)
			h.unslot(w, do)
			return
		}
	}
}

// cancel takes w, whose request gave up, out of the queue. It returns false if
// w was served already: its connection is then the caller's to give back.
func (h *host) cancel(w *waiter, now time.Time, do *todo) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !w.queued() {
		return false
	}
	h.counts.canceled++
	h.counts.waitTime += now.Sub(w.since)
	h.leave(w, now, do)
	do.empty = h.empty()
	return true
}

// put takes back a leased connection: clean, if why is zero, else it is closed.
func (h *host) put(c *conn, why closeReason, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leased.remove(&c.place)
	if why == 0 {
		h.hold.add(now.Sub(c.since))
		why = h.unfit(c, now)
	}
	if why != 0 {
		h.lost(c, why, now, do)
		return
	}
	c.reused = true
	h.settle(c, now, do)
}

// unfit says why a connection is not to be used again, or zero.
func (h *host) unfit(c *conn, now time.Time) closeReason {
	switch {
	case h.shut:
		return closedByClose
	case c.hungUp:
		return closedByPeer
	case !c.want.keeps() || c.want.last:
		return closedAfterRequest
	case !c.retires.IsZero() && !now.Before(c.retires):
		return closedTooOld
	}
	return 0
}

// lost closes a connection that was leased, and lets those move on who counted
// on it.
func (h *host) lost(c *conn, why closeReason, now time.Time, do *todo) {
	if why == closedUpgraded {
		do.released = c
		do.free++
		h.counts.closed[why]++
	} else {
		h.drop(c, why, do)
	}
	h.hasten(now, do)
	h.coverAll(now, do)
	do.empty = h.empty()
}

// settle hands a clean connection to the oldest waiter, or makes it idle.
func (h *host) settle(c *conn, now time.Time, do *todo) {
	w := h.oldest()
	if h.budget.owed(h, w, c.want.maxConns) {
		h.lost(c, closedForOther, now, do)
		return
	}
	if w != nil {
		h.serve(w, c, nil, now, do)
		return
	}
	switch {
	case h.budget.closeIdle.Load():
		h.lost(c, closedIdleCall, now, do)
		return
	case c.want.maxIdlePerHost > 0 && h.idle.n >= c.want.maxIdlePerHost:
		h.lost(c, closedExcessHost, now, do)
		return
	}
	c.reused = true
	c.since = now
	h.idle.pushBack(&c.place)
	do.excess = h.budget.enter(c, c.want.maxIdle, c.want.maxConns)
	do.idled, do.idleFor = now, c.idleFor(now)
	h.coverAll(now, do) // one with DisableKeepAlives may want c's place
}

// oldest returns the waiter that has waited longest and takes what another
// request or dial left. One with DisableKeepAlives waits for its own dial.
func (h *host) oldest() *waiter {
	for w := range h.waiting.all {
		if !w.want.fresh {
			return w
		}
	}
	return nil
}

// replace is put and wait in one, for a request whose connection was dead
// before it could serve it: w keeps the slot and dials in it, in front of all
// others, or takes a connection that became idle after.
func (h *host) replace(c *conn, why closeReason, w *waiter, after, now time.Time, do *todo) (*conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leased.remove(&c.place)
	if h.shut {
		h.lost(c, why, now, do)
		return nil, ErrClosed
	}
	if other := h.takeIdle(&w.want, after, now, do); other != nil {
		h.lost(c, why, now, do)
		return other, nil
	}
	h.drop(c, why, do)
	do.free--
	w.slot = true
	h.enter(w, true)
	h.cover(w, now, true, do)
	h.hasten(now, do)
	h.coverAll(now, do)
	return nil, nil
}

// dialed brings the connection of a dial: to the oldest waiter, which need not
// be the one that the dial was for.
func (h *host) dialed(d *dial, c *conn, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials.remove(&d.place)
	h.dialing.add(now.Sub(d.began), now)
	h.backoff = backoff{}
	c.want = d.want
	defer func() { do.empty = h.empty() }()
	if h.shut {
		h.lost(c, closedByClose, now, do)
		return
	}
	front := h.oldest()
	if d.want.fresh {
		front = d.w
	}
	if front == nil {
		if !d.want.keeps() {
			h.lost(c, closedAfterRequest, now, do)
			return
		}
		h.settle(c, now, do)
		return
	}
	h.swapCover(d, front)
	h.serve(front, c, nil, now, do)
	h.coverAll(now, do)
}

// swapCover gives what front waits for to the waiter that d, now done, was for.
func (h *host) swapCover(d *dial, front *waiter) {
	owner := d.w
	d.w = nil
	if owner == nil {
		return
	}
	owner.dial = nil
	if owner == front {
		return
	}
	h.sate(front)
	owner.dial, owner.due = front.dial, front.due
	front.dial, front.due = nil, time.Time{}
	if owner.dial != nil {
		owner.dial.w = owner
	}
}

// failed ends a dial without a connection. The waiter that it was for gets the
// error; the others are covered anew. A local fault while connections are in
// use, or may be soon, ends nobody: waiters stay for one that comes back, and
// the host dials again after a pause.
func (h *host) failed(d *dial, err error, local bool, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials.remove(&d.place)
	h.counts.dialsFailed++
	h.counts.lastDialErr = err
	do.free++
	w := d.w
	d.w = nil
	if local && !h.shut && (h.dials.n > 0 || h.mayComeBack(now)) {
		h.backoff.grow(now)
		if w != nil {
			w.dial, w.due, do.put = nil, h.backoff.until, true
		}
	} else if w != nil {
		w.dial = nil
		h.serve(w, nil, err, now, do)
	}
	h.coverAll(now, do)
	do.empty = h.empty()
}

// evict closes c if it is idle still.
func (h *host) evict(c *conn, why closeReason, do *todo) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.place.in != &h.idle {
		return false
	}
	h.unidle(c)
	h.drop(c, why, do)
	do.empty = h.empty()
	return true
}

// hangup tells that the server closed c. If it is idle it goes at once; else
// its request may still read what came before, and put closes it.
func (h *host) hangup(c *conn, do *todo) {
	if !h.evict(c, closedByPeer, do) {
		h.mu.Lock()
		c.hungUp = true
		h.mu.Unlock()
	}
}

// expire closes what has been idle or has lived for too long. It returns when
// the next idle connection will have, or zero.
func (h *host) expire(now time.Time, do *todo) (next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.idle.all {
		if why := c.overdue(now); why != 0 {
			h.unidle(c)
			h.drop(c, why, do)
			continue
		}
		if d := c.idleFor(c.since); d > 0 {
			if at := c.since.Add(d); next.IsZero() || at.Before(next) {
				next = at
			}
		}
	}
	do.empty = h.empty()
	return next
}

// closeIdle closes all idle connections, and ends the dials that are for nobody.
func (h *host) closeIdle(do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropIdle(closedIdleCall, do)
	for d := range h.dials.all {
		if d.w == nil {
			do.cancels = append(do.cancels, d)
		}
	}
	do.empty = h.empty()
}

func (h *host) dropIdle(why closeReason, do *todo) {
	for c := range h.idle.all {
		h.unidle(c)
		h.drop(c, why, do)
	}
}

// shutdown refuses what comes, ends what waits, dials or is idle, and returns
// what is leased.
func (h *host) shutdown(now time.Time, do *todo) (leased []*conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut = true
	for w := range h.waiting.all {
		h.serve(w, nil, ErrClosed, now, do)
	}
	h.dropIdle(closedByClose, do)
	for d := range h.dials.all {
		do.cancels = append(do.cancels, d)
	}
	for c := range h.leased.all {
		leased = append(leased, c)
	}
	do.empty = h.empty()
	return leased
}

func (h *host) empty() bool {
	return h.idle.n+h.leased.n+h.dials.n+h.waiting.n == 0
}

// backoff is the pause between dials that fail for want of something local.
type backoff struct {
	pause time.Duration
	until time.Time
}

const (
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
)

func (b *backoff) grow(now time.Time) {
	if b.until.After(now) {
		return // dials that failed together count once
	}
	b.pause = min(max(2*b.pause, firstPause), lastPause)
	b.until = now.Add(b.pause)
}

// held is how many connections there are or will be.
func (h *host) held() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.idle.n + h.leased.n + h.dials.n
}
