package berth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// exchange is one try of one request: it waits for a connection, has it leased,
// and gives it back when the response's body is read or closed, or when
// something cuts it short. A retry is another exchange.
//
// It runs in the goroutines of its caller: RoundTrip's until the header is
// there, then the body's reader's. Who ends it is settled by over: the one who
// sets it gives the connection back, so that happens once.
type exchange struct {
	t     *Transport
	req   *http.Request
	body  *requestBody // of the request; nil if it has none
	ctx   context.Context
	trace *httptrace.ClientTrace
	route route
	want  *want
	set   settings
	until time.Time // the end of Transport.Timeout; zero is none
	by    time.Time // the end of AcquireTimeout for this try; zero is none
	dial  dialer    // how to dial, where it must
	rush  bool      // a retry: the first to be served
	tries int8      // before this one
	gzip  bool      // asked for by us, so it is undone by us

	lease    *lease
	c        *conn    // that is leased
	watched  *watched // what Events and LeakAfter want to know; nil if nobody does
	up       *upload  // writes the request, where a goroutine must
	response response

	mu     sync.Mutex
	over   bool                    // the connection was given back
	cause  error                   // what cut the exchange short, or nil
	header bool                    // the response's header is there
	unctx  func() bool             // stops the context's hold on the exchange
	timers [2]*time.Timer          // Timeout's and ResponseHeaderTimeout's
	quit   chan struct{}           // ends the goroutine that waits for Request.Cancel
	cut    context.CancelCauseFunc // ends a stream, where the request's context does not
}

// settings are the Transport's fields that an exchange needs beside its want.
type settings struct {
	timeout         time.Duration
	acquireTimeout  time.Duration
	headerTimeout   time.Duration
	continueTimeout time.Duration
	maxHeader       int64
	writeBuffer     int
	readBuffer      int
	leakAfter       time.Duration
	noGzip          bool // DisableCompression
	closes          bool // DisableKeepAlives: say so to the server
}

const (
	defaultBuffer    = 4 << 10
	defaultMaxHeader = 10 << 20
)

func (t *Transport) newExchange(req *http.Request, body *requestBody, where route) *exchange {
	x := &exchange{
		t:     t,
		req:   req,
		body:  body,
		ctx:   req.Context(),
		route: where,
		want:  t.want(wantsClose(req)),
		gzip:  !t.DisableCompression && asksForGzip(req),
		dial:  t.newDialer(&where),
		set: settings{
			timeout:         t.Timeout,
			acquireTimeout:  t.AcquireTimeout,
			headerTimeout:   t.ResponseHeaderTimeout,
			continueTimeout: t.ExpectContinueTimeout,
			maxHeader:       cmp.Or(max(0, t.MaxResponseHeaderBytes), defaultMaxHeader),
			writeBuffer:     cmp.Or(max(0, t.WriteBufferSize), defaultBuffer),
			readBuffer:      cmp.Or(max(0, t.ReadBufferSize), defaultBuffer),
			noGzip:          t.DisableCompression,
			leakAfter:       t.LeakAfter,
			closes:          t.DisableKeepAlives,
		},
	}
	x.trace = httptrace.ContextClientTrace(x.ctx)
	x.noteStack()
	if x.set.timeout > 0 {
		x.until = time.Now().Add(x.set.timeout)
	}
	return x
}

// again is the exchange for a retry. Its body is rewound if it was touched.
func (x *exchange) again() (*exchange, error) {
	body, err := x.body.rewind(x.req)
	if err != nil {
		return nil, err
	}
	return &exchange{
		t: x.t, req: x.req, body: body, ctx: x.ctx, trace: x.trace, route: x.route,
		want: x.want, set: x.set, gzip: x.gzip, until: x.until, dial: x.dial,
		rush: true, tries: x.tries + 1, watched: x.watched,
	}, nil
}

// hold makes l the exchange's lease, and has whatever ends the request end it
// from now on.
func (x *exchange) hold(l *lease) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lease, x.c = l, l.c
	l.x.Store(x)
	if x.ctx.Done() != nil {
		x.unctx = context.AfterFunc(x.ctx, func() { x.abort(context.Cause(x.ctx), closedCanceled) })
	}
	if !x.until.IsZero() {
		x.timers[0] = time.AfterFunc(time.Until(x.until), func() { x.abort(x.timedOut(), closedCanceled) })
	}
	if x.req.Cancel != nil && x.c.mux == nil {
		x.quit = make(chan struct{})
		go x.awaitCancel(x.req.Cancel, x.quit)
	}
}

// awaitCancel is a goroutine, since nothing else can wait for a channel.
func (x *exchange) awaitCancel(cancel <-chan struct{}, quit chan struct{}) {
	select {
	case <-cancel:
		x.abort(errRequestCanceled, closedCanceled)
	case <-quit:
	}
}

func (x *exchange) timedOut() error {
	return &timeoutError{fmt.Sprintf("berth: the exchange took longer than Transport.Timeout (%v)", x.set.timeout)}
}

// awaitHeader starts ResponseHeaderTimeout: the request is written.
func (x *exchange) awaitHeader() {
	if x.set.headerTimeout <= 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.over && !x.header {
		x.timers[1] = time.AfterFunc(x.set.headerTimeout, x.headerLate)
	}
}

// headerLate is ResponseHeaderTimeout's end.
func (x *exchange) headerLate() {
	x.mu.Lock()
	mine := !x.header && x.claimLocked(errHeaderTimeout)
	x.mu.Unlock()
	if mine {
		x.giveBack(closedCanceled)
	}
}

// gotHeader ends ResponseHeaderTimeout, and an upload's grace. It returns what
// has ended the exchange, if something was faster: the header may be the server's
// answer to that.
func (x *exchange) gotHeader() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.header = true
	if x.timers[1] != nil {
		x.timers[1].Stop()
	}
	return x.cause
}

// claim makes the caller the one who gives the connection back. It returns
// false if another was first.
func (x *exchange) claim(cause error) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.claimLocked(cause)
}

func (x *exchange) claimLocked(cause error) bool {
	if x.over {
		return false
	}
	x.over, x.cause = true, cause
	if x.unctx != nil {
		x.unctx()
	}
	for _, timer := range x.timers {
		if timer != nil {
			timer.Stop()
		}
	}
	if x.quit != nil {
		close(x.quit)
	}
	if x.cut != nil {
		x.cut(cause)
	}
	if x.up != nil {
		close(x.up.gone)
	}
	x.lease.x.Store(nil)
	return true
}

// abort closes the connection, if the exchange still has it, from whatever
// goroutine: reads and writes on it fail, and their error becomes cause.
func (x *exchange) abort(cause error, why closeReason) {
	if x.claim(cause) {
		x.giveBack(why)
	}
}

// giveBack returns the connection to its host, clean if why is zero.
func (x *exchange) giveBack(why closeReason) {
	var do todo
	c := x.c
	c.h.put(x.lease, why, time.Now(), &do)
	if x.trace != nil && x.trace.PutIdleConn != nil && c.mux == nil {
		tracePut(x.trace, c, &do)
	}
	x.t.act(c.h, &do)
}

// because is the error that the user sees for err, which an I/O returned: if
// the exchange was cut short, what cut it.
func (x *exchange) because(err error) (_ error, cut bool) {
	x.mu.Lock()
	cause := x.cause
	x.mu.Unlock()
	if cause == nil && x.ctx.Err() != nil {
		cause = context.Cause(x.ctx)
	}
	if cause == nil && errors.Is(err, net.ErrClosed) && x.t.isClosed() {
		cause = ErrClosed // Close was faster than hold
	}
	if cause != nil {
		return cause, true
	}
	return err, false
}

// acquire leases a connection from the pool, waiting for it if it must.
func (x *exchange) acquire() (*lease, error) {
	x.beginAcquire()
	return x.find()
}

func (x *exchange) find() (*lease, error) {
	for {
		h, err := x.t.lookup(x.route.key)
		if err != nil {
			return nil, err
		}
		var do todo
		now := time.Now()
		l, err := h.take(x.want, now, &do)
		x.t.act(h, &do)
		if l == nil && err == nil {
			l, err = x.queue(h, now)
		}
		if err == errHostGone {
			x.t.last.CompareAndSwap(h, nil)
			continue
		}
		if err != nil {
			return nil, err
		}
		return x.cleaned(l, time.Time{})
	}
}

func (x *exchange) beginAcquire() {
	if x.trace != nil && x.trace.GetConn != nil {
		x.trace.GetConn(x.route.firstHop())
	}
	if x.want.tell.on() {
		x.watch().asked = time.Now()
	}
	if x.set.acquireTimeout > 0 {
		x.by = time.Now().Add(x.set.acquireTimeout)
	}
}

// cleaned returns l, or, if the server closed its connection or sent what nobody
// asked for, one of another, used after.
func (x *exchange) cleaned(l *lease, after time.Time) (*lease, error) {
	for {
		if l.c.mux != nil {
			return x.streaming(l)
		}
		why := l.dirt()
		if why == 0 {
			return l, nil
		}
		var err error
		if l, err = x.replace(l, why, after); err != nil {
			return nil, err
		}
	}
}

// streaming returns l, or, if its connection has no stream for it, another one.
func (x *exchange) streaming(l *lease) (*lease, error) {
	if l.hasStream() {
		return l, nil
	}
	x.t.choke(l)
	x.rush = true
	return x.find()
}

// freshness is how recently a connection must have finished an exchange for a
// retry to trust it: one dead connection makes all that were idle suspect.
const freshness = time.Second

// reacquire is acquire for a retry, in place of the lease of a dead connection.
func (x *exchange) reacquire(l *lease) (*lease, error) {
	if l.c.mux != nil {
		return x.restream()
	}
	x.beginAcquire()
	after := time.Now().Add(-freshness)
	l, err := x.replace(l, closedByPeer, after)
	if err != nil {
		return nil, err
	}
	return x.cleaned(l, after)
}

// replace trades a dead connection for one that was used after, or for a dial.
func (x *exchange) replace(l *lease, why closeReason, after time.Time) (*lease, error) {
	var do todo
	now := time.Now()
	h := l.c.h
	w := newWaiter(x.want, x.dialer(), now)
	w.rush = true
	l, err := h.replace(l, why, w, after, now, &do)
	x.t.act(h, &do)
	if l != nil || err != nil {
		return l, err
	}
	return x.await(w)
}

// queue waits at h.
func (x *exchange) queue(h *host, now time.Time) (*lease, error) {
	var do todo
	w := newWaiter(x.want, x.dialer(), now)
	w.rush = x.rush
	l, err := h.wait(w, now, &do)
	x.t.act(h, &do)
	if err == ErrQueueFull {
		return nil, h.acquireError(err, 0)
	}
	if l != nil || err != nil {
		return l, err
	}
	return x.await(w)
}

// await waits until w is served, or its request has had enough.
func (x *exchange) await(w *waiter) (*lease, error) {
	var acquire, total <-chan time.Time
	if !x.by.IsZero() {
		timer := time.NewTimer(time.Until(x.by))
		defer timer.Stop()
		acquire = timer.C
	}
	if !x.until.IsZero() {
		timer := time.NewTimer(time.Until(x.until))
		defer timer.Stop()
		total = timer.C
	}
	var err error
	select {
	case <-w.ready:
		if w.err != nil && x.ctx.Err() != nil {
			return nil, context.Cause(x.ctx) // rather than an error that it caused
		}
		return w.lease, w.err
	case <-x.ctx.Done():
		err = context.Cause(x.ctx)
	case <-x.req.Cancel:
		err = errRequestCanceledConn
	case <-acquire:
		err = &timeoutError{fmt.Sprintf("berth: AcquireTimeout (%v) is over", x.set.acquireTimeout)}
	case <-total:
		err = x.timedOut()
	}
	return nil, x.giveUp(w, err)
}

// restore gives back a lease that was not used.
func (t *Transport) restore(l *lease) {
	var do todo
	h := l.c.h
	h.restore(l, l.c.h1.idle.dirt(), time.Now(), &do)
	t.act(h, &do)
}

// giveUp leaves the queue. A deadline is told with the pool's state; a caller
// who cancels knows why.
func (x *exchange) giveUp(w *waiter, err error) error {
	var do todo
	now := time.Now()
	if !w.h.cancel(w, now, &do) && w.lease != nil {
		x.t.restore(w.lease)
	}
	x.t.act(w.h, &do)
	var t interface{ Timeout() bool }
	if errors.As(err, &t) && t.Timeout() {
		return w.h.acquireError(err, now.Sub(w.since))
	}
	return err
}

// acquireError is err with the host's state.
func (h *host) acquireError(err error, waited time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &AcquireError{
		Host:        h.name,
		Waited:      waited,
		InUse:       h.inUse,
		Idle:        h.idle.n,
		Dialing:     h.dials.n,
		Waiting:     h.waiting.n + 1,
		DialsFailed: h.counts.dialsFailed,
		LastDialErr: h.counts.lastDialErr,
		Err:         err,
	}
}
