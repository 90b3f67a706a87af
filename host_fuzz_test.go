package berth

import (
	"testing"
	"time"
)

// FuzzHost runs sequences of operations on several hosts under one budget, and
// holds the invariants after each. The first bytes are the limits.
func FuzzHost(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 8, 16, 3, 0, 24, 1})
	f.Add([]byte{2, 3, 1, 2, 1, 0, 0, 1, 0, 8, 1, 9, 2, 3, 4, 5, 6, 7})
	f.Add([]byte("\x01\x02\x00\x00\x00\x00 0 0 0 0 8 8 @ H P X ` h"))
	f.Add([]byte("\x03\x04\x02\x01\x02\x010000111122223333444455556666777788889999"))
	f.Add([]byte("\x00\x00\x00\x00\x08\x00\x01\x01\x01\x06\x01\x01\x01\x07\x0c\x1e\x2e\x03\x03\x0d"))
	f.Add([]byte("\x00\x00\x09\x00\x00\x02 00006666=]}..0000::nn\xdd6666"))
	f.Add([]byte("\x02\x03\x00\x00\x0c\x011111222233334444==~~..nnNN"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) < 6 || len(in) > 400 {
			return
		}
		limit := func(i, mod int) int { return int(in[i]) % mod }
		w := newWorld(t, want{
			maxConnsPerHost: limit(0, 5),
			maxConns:        limit(1, 6),
			maxDialsPerHost: limit(2, 3),
			maxIdle:         limit(3, 4),
			maxIdlePerHost:  limit(4, 4),
			idleTimeout:     time.Duration(limit(5, 3)) * time.Second,
			fifo:            limit(5, 6) >= 3,
			maxRequests:     limit(4, 32) / 16 * 3,
			maxHTTP2:        int(in[3]) / 4 % 3,
			minIdle:         int(in[2]) / 3 % 4,
		}, 3)
		w.streams = int(in[4]) / 4 % 4
		for _, b := range in[6:] {
			w.step(int(b))
			w.check()
		}
		w.finish()
	})
}

// step does one operation: b's low bits say which, its high ones on what.
func (w *world) step(b int) {
	op, i := b%16, b/16
	leased, waiting := w.split()
	switch op {
	case 0, 1, 2:
		w.request((op + i) % len(w.hosts))
	case 3, 4:
		if len(leased) > 0 {
			leased[i%len(leased)].done(0)
		}
	case 5:
		if len(leased) > 0 {
			leased[i%len(leased)].done([]closeReason{closedByError, closedAfterRequest, closedUpgraded, closedCanceled}[i%4])
		}
	case 6, 7:
		if len(w.dials) > 0 {
			w.dialed(w.dials[i%len(w.dials)])
		}
	case 8:
		if len(w.dials) > 0 {
			if i >= 12 {
				w.failedBy(w.dials[i%len(w.dials)], errReserve, true)
				return
			}
			w.failed(w.dials[i%len(w.dials)], i%2 == 0)
		}
	case 9:
		if len(waiting) > 0 {
			waiting[i%len(waiting)].cancel()
		}
	case 10:
		w.sleep(time.Duration(1+i*i) * time.Millisecond)
	case 11:
		w.sleep(time.Duration(1+i) * 300 * time.Millisecond)
	case 12:
		if len(leased) > 0 {
			if rt := leased[i%len(leased)]; rt.conn.mux != nil {
				rt.choke()
			} else {
				rt.retry()
			}
		}
	case 13:
		if i >= 12 {
			w.resolved(w.hosts[i%len(w.hosts)], i/3%3)
			return
		}
		w.hangup(i)
	case 14:
		if conns := w.muxed(); len(conns) > 0 && i%3 > 0 {
			if c := conns[i%len(conns)]; i%3 == 1 {
				w.relieve(c)
			} else {
				w.allow(c, i%4)
			}
			return
		}
		for _, h := range w.hosts {
			var do todo
			h.expire(w.now, &do)
			w.act(h, &do)
		}
	case 15:
		if i%4 == 0 {
			like := w.want
			like.fresh = true
			w.requestLike(i%len(w.hosts), like)
			return
		}
		like := w.want
		like.last = true
		w.requestLike(i%len(w.hosts), like)
	}
}

func (w *world) split() (leased, waiting []*request) {
	for _, r := range w.requests {
		if r.conn != nil {
			leased = append(leased, r)
		} else {
			waiting = append(waiting, r)
		}
	}
	return leased, waiting
}

// hangup is the server closing one of the connections.
func (w *world) hangup(i int) {
	h := w.hosts[i%len(w.hosts)]
	c := h.idle.first()
	if i%2 == 1 {
		c = nil
		if l := h.leased.last(); l != nil {
			c = l.c
		}
	}
	if c != nil {
		w.hangupOf(c)
	}
}

func (w *world) hangupOf(c *conn) {
	var do todo
	c.h.hangup(c, w.now, &do)
	w.act(c.h, &do)
}

// finish lets all end, and wants nothing left: no request, no connection, no
// slot.
func (w *world) finish() {
	for range 10_000 {
		for _, c := range w.muxed() {
			w.allow(c, max(c.most, 1))
			w.relieve(c)
		}
		leased, waiting := w.split()
		switch {
		case len(leased) > 0:
			leased[0].done(0)
		case len(w.dials) > 0:
			w.dialed(w.dials[0])
		case len(waiting) > 0:
			w.sleep(time.Second)
		default:
			w.closeAll()
			return
		}
		w.check()
	}
	for _, h := range w.hosts {
		w.t.Logf("%v: %d idle, %d leased, %d dials, %d waiting, backoff %v", h.key, h.idle.n, h.leased.n, h.dials.n, h.waiting.n, h.backoff)
	}
	w.t.Fatalf("requests wait for ever; %d starved, %d open", w.budget.starved.n, w.budget.open)
}

func (w *world) closeAll() {
	w.budget.closeIdle.Store(true) // or connections are kept ready
	w.sleep(lastRemotePause)       // or a host that is down is remembered
	for _, h := range w.hosts {
		var do todo
		h.closeIdle(w.now, &do)
		w.act(h, &do)
		if !h.empty(w.now) {
			w.t.Fatalf("%v is not empty at the end", h.key)
		}
	}
	if w.budget.open != 0 || w.budget.starved.n != 0 || w.budget.idle.n != 0 {
		w.t.Fatalf("the budget holds %d slots, %d starved, %d idle at the end",
			w.budget.open, w.budget.starved.n, w.budget.idle.n)
	}
}
