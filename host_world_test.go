package berth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// world is a Transport without I/O: it does what hosts decide by keeping lists,
// at a time that only it moves. Tests of the decisions speak to it:
//
//	rt := w.request(0)      // a request to the first host
//	d := w.wantDial(rt)     // the pool must dial for it
//	c := w.dialed(d)        // the dial brings a connection
//	rt.wantConn(c)
type world struct {
	t       testing.TB
	now     time.Time
	want    want
	budget  budget
	hosts   []*host
	streams int // how many the servers of all hosts but the first allow over HTTP/2; zero is HTTP/1

	dials    []*dial    // in flight
	requests []*request // waiting or leased
	closed   map[*conn]closeReason
	dialN    int
}

type request struct {
	w      *world
	h      *host
	waiter *waiter // nil if it was served at once
	lease  *lease
	conn   *conn // while it is leased
	err    error
}

func newWorld(t testing.TB, want want, hosts int) *world {
	w := &world{t: t, now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), want: want, closed: map[*conn]closeReason{}}
	for i := range hosts {
		h := newHost(hostKey{scheme: "http", addr: fmt.Sprintf("h%d:80", i)}, &w.budget)
		h.early = func() float64 { return 0 }
		w.hosts = append(w.hosts, h)
	}
	return w
}

func (w *world) sleep(d time.Duration) {
	w.now = w.now.Add(d)
	for _, h := range w.hosts {
		var do todo
		h.due(w.now, &do)
		w.act(h, &do)
	}
}

// act is Transport.act.
func (w *world) act(h *host, do *todo) {
	for s := do.served; s != nil; s = s.chain {
		w.serve(s)
	}
	for _, d := range do.dials {
		w.dialN++
		w.dials = append(w.dials, d)
	}
	for _, d := range do.closes {
		if why, ok := w.closed[d.c]; ok {
			w.t.Fatalf("a connection was closed twice: %v and %v", why, d.why)
		}
		w.closed[d.c] = d.why
	}
	for _, d := range do.cancels {
		d.cancel()
	}
	if do.excess > 0 {
		w.evict(func() *conn { return w.budget.excess(do.excess) }, closedExcess)
	}
	if do.room {
		w.evict(w.budget.crowded, closedForOther)
	}
	for range do.free {
		if s := w.budget.release(); s != nil {
			var do todo
			s.h.granted(s, w.now, &do)
			w.act(s.h, &do)
		}
	}
}

func (w *world) evict(pick func() *conn, why closeReason) {
	for c := pick(); c != nil; c = pick() {
		var do todo
		if !c.h.evict(c, why, w.now, &do) {
			w.t.Fatal("the oldest idle connection is not idle")
		}
		w.act(c.h, &do)
	}
}

func (w *world) serve(s *waiter) {
	for _, r := range w.requests {
		if r.waiter == s {
			if r.conn != nil || r.err != nil {
				w.t.Fatal("a request was served twice")
			}
			w.leased(r, s.lease, s.err)
			return
		}
	}
	w.t.Fatal("a request was served that does not wait")
}

// leased gives r its connection or its error.
func (w *world) leased(r *request, l *lease, err error) {
	if err != nil {
		r.err = err
		w.requests = slices.DeleteFunc(w.requests, func(o *request) bool { return o == r })
		return
	}
	c := l.c
	if why, ok := w.closed[c]; ok {
		w.t.Fatalf("a closed connection (%v) was leased", why)
	}
	n := 1
	for _, o := range w.requests {
		if o.conn == c {
			n++
		}
	}
	if n > 1 && c.mux == nil {
		w.t.Fatal("a connection was leased twice")
	}
	if c.leases < n {
		w.t.Fatalf("a connection counts %d leases, there are %d", c.leases, n)
	}
	r.lease, r.conn = l, c
}

// like is a want of one's own.
func like(want want) *want { return &want }

func (w *world) request(i int) *request { return w.requestLike(i, w.want) }

func (w *world) requestLike(i int, want want) *request {
	h := w.hosts[i]
	r := &request{w: w, h: h}
	w.requests = append(w.requests, r)
	var do todo
	l, err := h.take(&want, w.now, &do)
	w.act(h, &do)
	if l == nil && err == nil {
		r.waiter = newWaiter(&want, &dialer{ctx: context.Background()}, w.now)
		do = todo{}
		l, err = h.wait(r.waiter, w.now, &do)
		w.act(h, &do)
	}
	if l != nil || err != nil {
		w.leased(r, l, err)
	}
	return r
}

// done gives r's connection back, clean if why is zero.
func (r *request) done(why closeReason) {
	w := r.w
	l := r.lease
	w.forget(r)
	var do todo
	r.h.put(l, why, w.now, &do)
	w.act(r.h, &do)
}

// retry finds r's connection dead and asks for another, used less than a second
// ago, or for a dial.
func (r *request) retry() {
	w := r.w
	dead := r.lease
	r.lease, r.conn = nil, nil
	r.waiter = newWaiter(like(w.want), &dialer{ctx: context.Background()}, w.now)
	r.waiter.rush = true
	var do todo
	l, err := r.h.replace(dead, closedByPeer, r.waiter, w.now.Add(-freshness), w.now, &do)
	if l != nil || err != nil {
		w.leased(r, l, err)
	}
	w.act(r.h, &do)
}

// choke finds that r's connection has no stream for it after all, and asks for
// another.
func (r *request) choke() {
	w := r.w
	l := r.lease
	r.lease, r.conn = nil, nil
	var do todo
	r.h.choke(l, w.now, &do)
	w.act(r.h, &do)
	r.waiter = newWaiter(like(w.want), &dialer{ctx: context.Background()}, w.now)
	r.waiter.rush = true
	do = todo{}
	l, err := r.h.wait(r.waiter, w.now, &do)
	if l != nil || err != nil {
		w.leased(r, l, err)
	}
	w.act(r.h, &do)
}

// muxed are the connections of HTTP/2 that are idle or leased.
func (w *world) muxed() (conns []*conn) {
	for _, h := range w.hosts {
		for c := range h.idle.all {
			if c.mux != nil {
				conns = append(conns, c)
			}
		}
		for c := range h.shared.all {
			conns = append(conns, c)
		}
	}
	return conns
}

func (w *world) relieve(c *conn) {
	var do todo
	c.h.relieve(c, w.now, &do)
	w.act(c.h, &do)
}

func (w *world) allow(c *conn, streams int) {
	var do todo
	c.h.allow(c, streams, w.now, &do)
	w.act(c.h, &do)
}

func (r *request) cancel() {
	w := r.w
	var do todo
	if !r.h.cancel(r.waiter, w.now, &do) {
		w.t.Fatal("cancel of a request that waits says that it was served")
	}
	w.forget(r)
	w.act(r.h, &do)
}

func (w *world) forget(r *request) {
	w.requests = slices.DeleteFunc(w.requests, func(o *request) bool { return o == r })
}

func (w *world) dialed(d *dial) *conn {
	w.landed(d)
	c := newConn(d.h, nil)
	if w.streams > 0 && d.h != w.hosts[0] {
		c.mux, c.most = new(muxing), w.streams
	}
	c.berth = &berth{of: &destination{addr: netip.AddrPortFrom(worldAddrs[w.dialN%len(worldAddrs)], 80)}}
	var do todo
	d.h.dialed(d, c, w.now, &do)
	w.act(d.h, &do)
	return c
}

var worldAddrs = []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")}

// resolved is an answer without the i-th address.
func (w *world) resolved(h *host, i int) {
	var do todo
	ips := slices.Delete(slices.Clone(worldAddrs), i, i+1)
	h.resolved(&dialer{net: &network{every: time.Second}}, "h", ips, w.now, &do)
	w.act(h, &do)
	for c := range h.idle.all {
		if h.answer.lacks(c) {
			w.t.Fatal("a connection is idle to an address that left")
		}
	}
}

var errRefused = errors.New("connection refused")

func (w *world) failed(d *dial, local bool) { w.failedBy(d, errRefused, local) }

func (w *world) failedBy(d *dial, err error, local bool) {
	w.landed(d)
	var do todo
	d.h.failed(d, err, local, w.now, &do)
	w.act(d.h, &do)
}

func (w *world) landed(d *dial) {
	w.dials = slices.DeleteFunc(w.dials, func(o *dial) bool { return o == d })
}

// wantDial returns the dial in flight for r.
func (w *world) wantDial(r *request) *dial {
	w.t.Helper()
	if r.waiter == nil || r.waiter.dial == nil {
		w.t.Fatal("there is no dial for the request")
	}
	return r.waiter.dial
}

func (w *world) wantDials(n int) {
	w.t.Helper()
	if len(w.dials) != n {
		w.t.Fatalf("%d dials are in flight, want %d", len(w.dials), n)
	}
}

func (r *request) wantConn(c *conn) {
	r.w.t.Helper()
	if r.conn != c {
		r.w.t.Fatalf("the request has connection %p, want %p", r.conn, c)
	}
}

func (r *request) wantWaiting() {
	r.w.t.Helper()
	if r.conn != nil || r.err != nil {
		r.w.t.Fatalf("the request was served (%v), want it to wait", r.err)
	}
}

func (w *world) wantClosed(c *conn, why closeReason) {
	w.t.Helper()
	if got := w.closed[c]; got != why {
		w.t.Fatalf("the connection is closed for %d, want %v", got, why)
	}
}

// check holds the invariants of design.md against the world as it stands.
func (w *world) check() {
	w.t.Helper()
	slots := 0
	for _, h := range w.hosts {
		open := h.conns()
		slots += open
		if n := w.want.maxConnsPerHost; n > 0 && open > n {
			w.t.Fatalf("%v has %d connections and dials, limit %d", h.key, open, n)
		}
		if n := w.want.maxDialsPerHost; n > 0 && h.dials.n > n {
			w.t.Fatalf("%v has %d dials, limit %d", h.key, h.dials.n, n)
		}
		for s := range h.waiting.all {
			w.checkWaiter(h, s)
		}
		for d := range h.dials.all {
			w.checkDial(h, d)
		}
		w.checkLeases(h)
	}
	if n := w.want.maxConns; n > 0 && slots > n {
		w.t.Fatalf("%d connections and dials in all, limit %d", slots, n)
	}
	if w.budget.open != slots {
		w.t.Fatalf("the budget counts %d slots, there are %d", w.budget.open, slots)
	}
	if n := w.want.maxIdle; n > 0 && w.budget.idle.n > n {
		w.t.Fatalf("%d idle in all, limit %d", w.budget.idle.n, n)
	}
}

func (w *world) checkDial(h *host, d *dial) {
	w.t.Helper()
	if d.w != nil && (d.w.dial != d || !d.w.queued()) {
		w.t.Fatalf("%v: a dial is for a waiter that does not know it", h.key)
	}
	n := 0
	for s := range h.waiting.all {
		if s.dial == d {
			n++
		}
	}
	if n != d.n || (n > 0) != (d.w != nil) {
		w.t.Fatalf("%v: a dial counts %d waiters, there are %d", h.key, d.n, n)
	}
}

func (w *world) checkLeases(h *host) {
	w.t.Helper()
	of := map[*conn]int{}
	for l := range h.leased.all {
		of[l.c]++
	}
	if len(of) != h.inUse {
		w.t.Fatalf("%v counts %d connections in use, there are %d", h.key, h.inUse, len(of))
	}
	for c, n := range of {
		if c.leases != n {
			w.t.Fatalf("%v: a connection counts %d leases, there are %d", h.key, c.leases, n)
		}
		if (c.place.in == &h.shared) != (c.mux != nil) {
			w.t.Fatalf("%v: a connection is shared and is not HTTP/2, or the other way round", h.key)
		}
	}
}

func (w *world) checkWaiter(h *host, s *waiter) {
	w.t.Helper()
	covers := 0
	if s.dial != nil {
		covers++
		if s.dial.place.in != &h.dials {
			w.t.Fatalf("%v: a waiter has a dial that is over", h.key)
		}
	}
	if !s.due.IsZero() {
		covers++
	}
	limited := h.full(s, w.now) || h.probing() || s.hungry
	if covers == 0 && !limited {
		w.t.Fatalf("%v: a waiter waits for nothing: %d idle, %d leased, %d dials, %d waiting, limits %+v, budget %d open, %d starved",
			h.key, h.idle.n, h.leased.n, h.dials.n, h.waiting.n, w.want, w.budget.open, w.budget.starved.n)
	}
	if covers > 1 || covers == 1 && s.hungry {
		w.t.Fatalf("%v: a waiter is covered twice", h.key)
	}
	if s.hungry != (s.hunger.in == &w.budget.starved) {
		w.t.Fatalf("%v: a waiter starves where it is not known", h.key)
	}
	if s.slot {
		w.t.Fatalf("%v: a waiter sits on a slot", h.key)
	}
	if s.want.fresh {
		return
	}
	for c := range h.idle.all {
		if !s.rush && c.free(w.now) {
			w.t.Fatalf("%v: a request waits while a connection is idle", h.key)
		}
	}
	if h.leastLoaded(w.now) != nil {
		w.t.Fatalf("%v: a request waits while a connection has streams to spare", h.key)
	}
}
