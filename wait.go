package berth

import (
	"context"
	"time"
)

// want is what one request asks of the pool: the Transport's limits as they
// were when the request began, so that no other goroutine reads a field. Requests
// share one as long as they do not change, and so it never does.
type want struct {
	maxConnsPerHost int // these: zero or less is no limit
	maxConns        int
	maxDialsPerHost int
	maxWaiting      int
	maxIdle         int
	minIdle         int           // zero or less is none
	maxHTTP2        int           // connections to a host that is known to speak HTTP/2
	maxIdlePerHost  int           // zero is no limit, negative keeps none
	maxRequests     int           // on one connection; zero or less is no limit
	idleTimeout     time.Duration // zero or less is for ever
	tell            teller
	fifo            bool // Reuse is FIFO
	resets          bool // ResetIdleConns
	fresh           bool // only a connection that was just dialed: DisableKeepAlives
	last            bool // the connection ends with this request: Request.Close and the like
}

// keeps reports whether connections outlive their request.
func (w *want) keeps() bool { return !w.fresh && w.maxIdlePerHost >= 0 }

// lasting is w of a request that does not end its connection.
func (w *want) lasting() *want {
	if !w.last {
		return w
	}
	lasting := *w
	lasting.last = false
	return &lasting
}

// waiter is a request that found no idle connection. It stands in its host's
// queue until it is served, with a connection or an error, or gives up.
//
// As long as it stands there it is covered by exactly one of: dial, a dial in
// flight that is for it; due, a dial put off until then; a limit that is
// reached. host.cover says which. All fields but ready are guarded by the
// host's mutex, hunger by the budget's.
type waiter struct {
	h     *host
	want  *want
	since time.Time // when the request began to wait: its age
	rush  bool      // a retry or a warm-up: its dial is not put off

	queue  link[waiter]
	hunger link[waiter] // in budget.starved
	dial   *dial
	due    time.Time
	rented bool // its dial was put off once: not again
	hungry bool // stands in budget.starved, or was just taken from there to be granted
	elided bool // its dial was put off, and then not needed
	slot   bool // holds a slot of the budget that no dial uses yet

	ready chan struct{} // one value, sent when lease or err is set
	lease *lease
	err   error
	chain *waiter // the next that the same transition served

	dialer *dialer // how to dial for it, fields read when the request began
}

func newWaiter(want *want, dialer *dialer, now time.Time) *waiter {
	w := &waiter{want: want, dialer: dialer, since: now, ready: make(chan struct{}, 1)}
	w.queue.of, w.hunger.of = w, w
	return w
}

func (w *waiter) queued() bool { return w.queue.in != nil }

// dial is one in flight. w is the waiter that it is for: nil once that one was
// served otherwise and no other is in need. Where HTTP/2 is expected, others may
// wait for it too. Guarded by the host's mutex.
type dial struct {
	h     *host
	w     *waiter
	n     int // waiters that wait for it, w included
	want  *want
	began time.Time
	why   string // for tools that look into a running process
	place link[dial]

	dialer *dialer
	ctx    context.Context
	cancel context.CancelFunc // ends the dial early
}

func newDial(h *host, want *want, dialer *dialer, why string, now time.Time) *dial {
	d := &dial{h: h, want: want, began: now, why: why, dialer: dialer}
	d.place.of = d
	d.ctx, d.cancel = context.WithCancel(dialer.ctx)
	return d
}

// whyDial is why there is a dial for w.
func (w *waiter) whyDial() string {
	switch {
	case w.rush:
		return "retry"
	case w.rented:
		return "no connection came back in time"
	}
	return "no idle connection"
}
