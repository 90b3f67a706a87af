package berth

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"time"
	"weak"
)

// A LeakEvent tells of a response's body that is open for long: its connection
// is in use as long, and counts for every limit.
type LeakEvent struct {
	Host string        // as in Stats
	Open time.Duration // since its header was there

	// Stack is where the request was made, a function and a place in turns, as a
	// panic prints it. It is there for a sample of requests, and for all once a
	// leak was found; else it is empty.
	Stack string
}

// leakSample: of so many requests, one has its stack noted.
const leakSample = 64

// noteStack notes where a request is made, if leaks are looked for and it is in
// the sample.
func (x *exchange) noteStack() {
	if x.set.leakAfter <= 0 || !x.t.leaky.Load() && rand.N(leakSample) > 0 {
		return
	}
	var pcs [64]uintptr
	x.watch().stack = append([]uintptr(nil), pcs[:runtime.Callers(4, pcs[:])]...) // from RoundTrip's caller on
}

func stackText(pcs []uintptr) string {
	if len(pcs) == 0 {
		return ""
	}
	var b strings.Builder
	frames := runtime.CallersFrames(pcs)
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

// track returns the response with the body for its caller, which is looked after
// until it is closed.
//
// If the caller forgets it, the collector finds out, as long as nothing of ours
// points at it. The response itself does, and the body below points at that, for
// the trailer: so the caller has a copy, which gets the trailer when it is there.
func (x *exchange) track(resp *http.Response, body io.ReadCloser) *http.Response {
	if x.set.leakAfter <= 0 {
		resp.Body = body
		return resp
	}
	b := &trackedBody{body}
	runtime.AddCleanup(b, func(x *exchange) { x.lost() }, x)
	theirs := new(http.Response)
	*theirs = *resp
	theirs.Body = b
	x.watch().response, x.watched.theirs = resp, weak.Make(theirs)
	x.lookOut()
	return theirs
}

// lookOut has findLeaks look at the exchange's lease from now on, if it has it
// still.
func (x *exchange) lookOut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return
	}
	now := time.Now()
	x.lease.leakAfter = x.set.leakAfter
	x.lease.open.Store(now.UnixNano())
	x.t.leaks.expect(x.t, (*Transport).findLeaks, now, x.set.leakAfter)
}

// passTrailer gives the caller's response the trailer, at the body's end.
func (b *response) passTrailer() {
	w := b.x.watched
	if w == nil || w.response == nil {
		return
	}
	if theirs := w.theirs.Value(); theirs != nil {
		theirs.Trailer = w.response.Trailer
	}
}

// A trackedBody is what the caller has.
type trackedBody struct{ io.ReadCloser }

var errBodyLost = errors.New("berth: response body was never closed")

// lost recovers the connection of a response whose body was neither closed nor
// read to its end, and is nobody's any more.
func (x *exchange) lost() {
	if !x.claim(errBodyLost) {
		return
	}
	if x.c.mux != nil {
		x.response.src.Close() // ends the stream
	}
	x.giveBack(closedLost)
}

// findLeaks tells of the bodies that have been open for too long.
func (t *Transport) findLeaks() {
	now := time.Now()
	t.leaks.next.Store(0)
	var next time.Time
	for _, h := range t.allHosts() {
		var do todo
		at := h.findLeaks(now, &do)
		if len(do.leaks) > 0 {
			t.leaky.Store(true)
		}
		t.act(h, &do)
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if !next.IsZero() {
		t.leaks.expect(t, (*Transport).findLeaks, now, max(next.Sub(now), sweepGap))
	}
}

// A leak is one to tell of.
type leak struct {
	tell     teller
	returned bool
	event    LeakEvent
}

func (l *leak) say() {
	if l.returned {
		l.tell.leakReturned(l.event)
	} else {
		l.tell.leaked(l.event)
	}
}

// findLeaks returns when the next body will have been open for too long, or
// zero.
func (h *host) findLeaks(now time.Time, do *todo) (next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.leased.all {
		open := l.open.Load()
		if open == 0 || l.leaked {
			continue
		}
		since := time.Unix(0, open)
		if at := since.Add(l.leakAfter); at.After(now) {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			continue
		}
		l.leaked = true
		h.counts.leaked++
		do.leaks = append(do.leaks, h.leak(l, false, now))
	}
	return next
}

// leak is l's, for Events.
func (h *host) leak(l *lease, returned bool, now time.Time) leak {
	e := leak{tell: l.want.tell, returned: returned, event: LeakEvent{
		Host: h.name,
		Open: now.Sub(time.Unix(0, l.open.Load())),
	}}
	if x := l.x.Load(); x != nil && x.watched != nil {
		e.event.Stack = stackText(x.watched.stack)
	}
	return e
}

// closeBook ends the look-out for l, which is given back.
func (h *host) closeBook(l *lease, now time.Time, do *todo) {
	if l.leaked {
		do.leaks = append(do.leaks, h.leak(l, true, now))
	}
	l.leaked, l.leakAfter = false, 0
	l.open.Store(0)
}
