package berth

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// host is one destination, and all that is true of it: connections idle and
// leased, dials in flight, requests that wait.
//
// Its methods are pure transitions. Each locks, decides, and writes what is to
// be done into a todo, which Transport.act does after the lock is released; no
// method does I/O or touches a channel, and time is an argument.
type host struct {
	key    hostKey
	name   string // key's text
	budget *budget

	mu      sync.Mutex  // guards the fields below
	inUse   int         // connections that are leased: over HTTP/1 as many as leases
	idle    list[conn]  // the longest idle first
	leased  list[lease] // the longest leased first
	dials   list[dial]
	waiting list[waiter] // the oldest first
	counts  counts       // next to what Stats reads beside it
	shared  list[conn]   // connections of HTTP/2 that are leased
	http2   bool         // the last connection that was dialed speaks it
	streams int          // how many leases a new connection will take: the limit of the last of HTTP/2; zero if that was HTTP/1, or is not known
	hold    holdEstimate
	dialing dialEstimate
	backoff backoff
	standby standby
	shut    bool // the Transport was closed
	gone    bool // left the map: look it up again

	timer *time.Timer // for the dials put off; made when first needed

	early  func() float64 // chance, for backoff
	answer answer         // of the Resolver, where ResolveInterval is set
	limits *Limits        // of SetHostLimits, or nil
	under  [2]*want       // what the limits made the second of the first
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
	excess             int           // MaxIdleConns, if more are idle: evict the oldest
	idled              time.Time     // a connection became idle then; zero is none
	idleFor            time.Duration // and may be so for this long; zero is for ever
	resolve            time.Duration // look up the host's name this long after resolveAt; zero is not
	resolveAt          time.Time
	put                bool   // a dial was put off: set the host's timer
	empty              bool   // the host may leave the map
	leaks              []leak // tell of these
}

type doomed struct {
	c     *conn
	why   closeReason
	reset bool
}

func newHost(key hostKey, b *budget) *host {
	return &host{key: key, name: key.String(), budget: b, early: rand.Float64}
}

// take leases a connection to a request that wants it, or returns nil.
func (h *host) take(want *want, now time.Time, do *todo) (*lease, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refuses(); err != nil {
		return nil, err
	}
	if h.standby.dialer != nil {
		h.standby.want = want.lasting()
	}
	l := h.takeFree(h.limited(want), time.Time{}, now, do)
	h.coverAll(now, do) // a connection may have left
	return l, nil
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

// drop closes a connection that is in no list any more.
func (h *host) drop(c *conn, why closeReason, do *todo) {
	do.closes = append(do.closes, doomed{c, why, c.clean && c.want.resets && why != closedByPeer})
	do.free++
	h.counts.closed[why]++
}

// wait enters w in the queue, unless there is a connection for it by now.
func (h *host) wait(w *waiter, now time.Time, do *todo) (*lease, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refuses(); err != nil {
		return nil, err
	}
	h.remember(w.want, w.dialer)
	w.want = h.limited(w.want)
	if l := h.takeFree(w.want, time.Time{}, now, do); l != nil {
		h.coverAll(now, do)
		return l, nil
	}
	h.enter(w, w.rush)
	h.coverAll(now, do)
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

// serve takes w out of the queue with a lease of c or with an error.
func (h *host) serve(w *waiter, c *conn, err error, now time.Time, do *todo) {
	if c != nil {
		if !w.due.IsZero() {
			h.counts.elided++
			w.elided = true
		}
		h.counts.waitTime += now.Sub(w.since)
		w.lease = h.lease(c, w.want, now)
	}
	h.leave(w, now, do)
	w.err = err
	if do.lastServed == nil {
		do.served = w
	} else {
		do.lastServed.chain = w
	}
	do.lastServed = w
}

// leave takes w out of the queue, and finds its dial another waiter.
func (h *host) leave(w *waiter, now time.Time, do *todo) {
	h.waiting.remove(&w.queue)
	h.sate(w)
	h.unslot(w, do)
	w.due = time.Time{}
	if w.dial != nil {
		h.disown(w, do)
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
	do.empty = h.empty(now)
	return true
}

// put takes back a lease. The connection is clean if why is zero, else it is
// closed; but how an exchange over HTTP/2 ended says nothing of its connection.
func (h *host) put(l *lease, why closeReason, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if why == 0 {
		h.hold.add(now.Sub(l.since))
		l.c.reused = true
	}
	h.unlease(l, now, do)
	h.takeBack(l.c, why, now, do)
}

// restore takes back a lease whose request gave up before it used it: that says
// nothing of how long requests take, and the connection goes to another.
func (h *host) restore(l *lease, why closeReason, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unlease(l, now, do)
	l.c.want = l.c.want.lasting()
	if l.c.leaving == closedAfterRequest {
		l.c.leaving = 0 // over HTTP/2, for what this request wanted
	}
	h.takeBack(l.c, why, now, do)
}

func (h *host) takeBack(c *conn, why closeReason, now time.Time, do *todo) {
	if c.leases > 0 {
		if c.leaving == 0 && h.budget.owed(h, h.oldest(), c.want.maxConns) {
			c.leaving = closedForOther // when its other streams are through
		}
		h.share(c, now, do)
		return
	}
	if why == 0 || c.mux != nil {
		c.clean = true
		why = h.unfit(c, now)
	}
	if why != 0 {
		h.lost(c, why, now, do)
		return
	}
	h.settle(c, now, do)
}

// unfit says why a connection is not to be used again, or zero.
func (h *host) unfit(c *conn, now time.Time) closeReason {
	switch {
	case h.shut:
		return closedByClose
	case c.leaving != 0:
		return c.leaving
	case !c.want.keeps() || c.want.last:
		return closedAfterRequest
	case c.worn(c.want):
		return closedWorn
	case c.tooOld(now):
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
	h.wasted(c, now, do)
	h.hasten(now, do)
	h.coverAll(now, do)
	do.empty = h.empty(now)
}

// settle hands a clean connection to the oldest waiter, or makes it idle.
func (h *host) settle(c *conn, now time.Time, do *todo) {
	w := h.oldest()
	if c.leaving != 0 {
		h.lost(c, c.leaving, now, do)
		return
	}
	if max := c.want.maxConnsPerHost; max > 0 && h.conns() >= max {
		h.lost(c, closedOverLimit, now, do)
		return
	}
	if h.budget.owed(h, w, c.want.maxConns) {
		h.lost(c, closedForOther, now, do)
		return
	}
	if w != nil && c.free(now) {
		h.serve(w, c, nil, now, do)
		h.share(c, now, do)
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
	c.reused = c.reused || c.mux == nil
	c.since = now
	h.idle.pushBack(&c.place)
	over, starving := h.budget.enter(c, c.want.maxIdle, c.want.maxConns)
	if over {
		do.excess = c.want.maxIdle
	}
	do.room = do.room || starving
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
// others, or takes a connection that became idle after. For HTTP/1 only.
func (h *host) replace(l *lease, why closeReason, w *waiter, after, now time.Time, do *todo) (*lease, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := l.c
	h.unlease(l, now, do)
	if h.shut {
		h.lost(c, why, now, do)
		return nil, ErrClosed
	}
	if other := h.takeFree(w.want, after, now, do); other != nil {
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
// be the one that the dial was for, and to the next ones as far as HTTP/2 has
// streams for them.
func (h *host) dialed(d *dial, c *conn, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials.remove(&d.place)
	h.dialing.add(now.Sub(d.began), now)
	h.backoff = backoff{}
	c.want, c.since = h.limited(d.want), now
	if h.answer.dialer != nil { // or nobody looks at its address
		do.resolve, do.resolveAt = h.answer.dialer.net.interval(), h.answer.at
	}
	defer func() { do.empty = h.empty(now) }()
	if h.shut {
		h.lost(c, closedByClose, now, do)
		return
	}
	h.streams = 0
	h.http2 = c.mux != nil
	if h.http2 {
		h.streams = c.most
	}
	front := h.oldest()
	if d.want.fresh {
		front = d.w
	}
	h.uncover(d)
	if front == nil {
		h.spare(c, now, do)
		return
	}
	h.serve(front, c, nil, now, do)
	h.share(c, now, do)
	h.coverAll(now, do)
}

// spare deals with a dialed connection that nobody waits for.
func (h *host) spare(c *conn, now time.Time, do *todo) {
	switch {
	case !c.want.keeps():
		h.lost(c, closedAfterRequest, now, do)
	case c.mux != nil && h.hasStreams(now):
		h.lost(c, closedSpare, now, do)
	default:
		h.settle(c, now, do)
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
	do.free++
	if d.ctx.Err() == nil { // else we ended it
		h.counts.dialsFailed++
		h.counts.lastDialErr = err
		if !local {
			h.backoff.grow(false, h.early(), now)
			do.put = true
			h.streams = 0 // so that those who shared the dial do not fail one by one
		}
	}
	w := d.w
	h.uncover(d)
	if w == nil && local {
		h.backoff.grow(true, h.early(), now) // or the next dial for nobody would follow at once
		do.put = true
	}
	if w != nil {
		ports := errors.Is(err, errReserve)
		if local && !h.shut && (ports || h.dials.n > 0 || h.mayComeBack(now)) {
			h.backoff.grow(true, h.early(), now)
			h.backoff.ports = ports
			w.due, do.put = h.backoff.until, true
		} else {
			h.serve(w, nil, err, now, do)
		}
	}
	h.coverAll(now, do)
	do.empty = h.empty(now)
}

// evict closes c if it is idle still.
func (h *host) evict(c *conn, why closeReason, now time.Time, do *todo) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.evictLocked(c, why, now, do)
}

func (h *host) evictLocked(c *conn, why closeReason, now time.Time, do *todo) bool {
	if c.place.in != &h.idle {
		return false
	}
	h.dropIdle(c, why, now, do)
	h.coverAll(now, do) // one that has no stream to spare may be what they wait for
	do.empty = h.empty(now)
	return true
}

// hangup tells that the server closed c, or said that it soon will (GOAWAY). If
// it is idle it goes at once. Else its requests may still read what came before,
// or will come, and put closes it.
func (h *host) hangup(c *conn, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.leaving != 0 {
		return
	}
	c.leaving = closedByPeer
	if !h.evictLocked(c, closedByPeer, now, do) && c.mux != nil {
		h.strand(c, now, do)
	}
}

// expire closes what has been idle or has lived for too long. It returns when
// the next idle connection will have, or zero.
func (h *host) expire(now time.Time, do *todo) (next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.idle.all {
		if why := c.overdue(now); why != 0 {
			h.dropIdle(c, why, now, do)
			continue
		}
		if d := c.idleFor(c.since); d > 0 {
			if at := c.since.Add(d); next.IsZero() || at.Before(next) {
				next = at
			}
		}
	}
	h.coverAll(now, do)
	do.empty = h.empty(now)
	return next
}

// closeIdle closes all idle connections, and ends the dials that are for nobody.
func (h *host) closeIdle(now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropAllIdle(closedIdleCall, now, do)
	h.coverAll(now, do)
	h.endSparesLocked(do)
	do.empty = h.empty(now)
}

// endSpares ends the dials that are for nobody.
func (h *host) endSpares(do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endSparesLocked(do)
}

func (h *host) endSparesLocked(do *todo) {
	for d := range h.dials.all {
		if d.w == nil {
			do.cancels = append(do.cancels, d)
		}
	}
}

// dropAllIdle closes what is idle.
func (h *host) dropAllIdle(why closeReason, now time.Time, do *todo) {
	for c := range h.idle.all {
		h.dropIdle(c, why, now, do)
	}
}

// dropIdle closes an idle connection.
func (h *host) dropIdle(c *conn, why closeReason, now time.Time, do *todo) {
	h.unidle(c)
	h.drop(c, why, do)
	h.wasted(c, now, do)
}

// shutdown refuses what comes, ends what waits, dials or is idle, and returns
// what is leased.
func (h *host) shutdown(now time.Time, do *todo) (leased []*lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut = true
	for w := range h.waiting.all {
		h.serve(w, nil, ErrClosed, now, do)
	}
	h.dropAllIdle(closedByClose, now, do)
	for d := range h.dials.all {
		do.cancels = append(do.cancels, d)
	}
	for l := range h.leased.all {
		leased = append(leased, l)
	}
	do.empty = h.empty(now)
	return leased
}

// empty reports whether the host may leave the map. One that is down stays until
// its pause is over, or whoever tries it next would not know of it.
func (h *host) empty(now time.Time) bool {
	return h.idle.n+h.leased.n+h.dials.n+h.waiting.n == 0 &&
		(h.shut || !h.backoff.until.After(now) && (!h.standby.backoff.until.After(now) || !h.expects(now)))
}

// conns is how many connections there are or will be.
func (h *host) conns() int { return h.idle.n + h.inUse + h.dials.n }

func (h *host) held() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns()
}
