package berth

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/berth-go/berth/internal/fakenet"
)

// warm has the host serve n requests at once, each of which takes hold, on
// connections whose dials take dial.
func (w *world) warm(n int, dial, hold time.Duration) (conns []*conn) {
	var rts []*request
	for range n {
		rts = append(rts, w.request(0))
	}
	w.sleep(dial)
	for _, rt := range rts {
		conns = append(conns, w.dialed(w.wantDial(rt)))
	}
	w.sleep(hold)
	for _, rt := range rts {
		rt.done(0)
	}
	return conns
}

func TestTakesTheConnectionUsedLast(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt1, rt2 := w.request(0), w.request(0)
	c1 := w.dialed(w.wantDial(rt1))
	c2 := w.dialed(w.wantDial(rt2))
	rt2.done(0)
	rt1.done(0)
	w.request(0).wantConn(c1)
	w.request(0).wantConn(c2)
}

func TestColdStartDialsInParallel(t *testing.T) {
	w := newWorld(t, want{}, 1)
	for range 5 {
		w.request(0)
	}
	w.wantDials(5)
}

// Whichever is first serves the oldest request: here, not the dial's own.
func TestADialServesTheOldest(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt1, rt2 := w.request(0), w.request(0)
	d1, d2 := w.wantDial(rt1), w.wantDial(rt2)
	c := w.dialed(d2)
	rt1.wantConn(c)
	rt2.wantWaiting()
	if w.wantDial(rt2) != d1 {
		t.Error("the dial of the request that was served is not the other's now")
	}
	w.check()
}

// The dial that nobody waits for becomes idle, and a request that comes while
// it is in flight does not count on it.
func TestADialWithoutAnOwner(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt1 := w.request(0)
	c1 := w.dialed(w.wantDial(rt1))
	rt2 := w.request(0)
	d2 := w.wantDial(rt2)
	rt1.done(0)
	rt2.wantConn(c1)
	rt3 := w.request(0)
	w.wantDials(2)
	c2 := w.dialed(d2)
	rt3.wantConn(c2)
	c3 := w.dialed(w.dials[0])
	w.request(0).wantConn(c3)
}

// design.md's spike: 5 warm connections, 50 requests of 2 ms at once, a dial
// takes 150 ms. net/http makes 45 to 48 dials that nobody needs.
func TestSpikeDialsNothing(t *testing.T) {
	w := newWorld(t, want{}, 1)
	w.warm(5, 150*time.Millisecond, 2*time.Millisecond)
	before := w.dialN
	for range 50 {
		w.request(0)
	}
	for len(w.requests) > 0 {
		w.sleep(2 * time.Millisecond)
		leased, _ := w.split()
		for _, rt := range leased {
			rt.done(0)
		}
		w.check()
	}
	if n := w.dialN - before; n != 0 {
		t.Errorf("%d dials that nobody needs, want 0", n)
	}
	if n := w.hosts[0].counts.elided; n != 45 {
		t.Errorf("%d dials are counted as elided, want 45", n)
	}
}

func TestElision(t *testing.T) {
	const dial = 100 * time.Millisecond
	tests := []struct {
		name    string
		hold    time.Duration // of the requests before
		n       int           // connections in use
		k       int           // requests that come
		prepare func(w *world)
		dials   int // of the k, at once
	}{
		{name: "short requests", hold: 2 * time.Millisecond, n: 5, k: 50, dials: 0},
		{name: "the last wait too long", hold: 30 * time.Millisecond, n: 5, k: 20, dials: 5}, // the 16th waits for ⌈16/5⌉ × 30 ms
		{name: "as long as a dial is not strictly less", hold: dial, n: 5, k: 1, dials: 1},
		{name: "long requests", hold: time.Second, n: 5, k: 5, dials: 5},
		{name: "nothing in use", hold: 2 * time.Millisecond, n: 5, k: 3, dials: 3,
			prepare: func(w *world) {
				leased, _ := w.split()
				for _, rt := range leased {
					rt.done(closedAfterRequest)
				}
			}},
		{name: "held for longer than usual", hold: 2 * time.Millisecond, n: 5, k: 3, dials: 3,
			prepare: func(w *world) { w.sleep(dial + time.Millisecond) }},
		{name: "connections that end with their request", hold: 2 * time.Millisecond, n: 5, k: 3, dials: 3,
			prepare: func(w *world) {
				for l := range w.hosts[0].leased.all {
					l.want.last = true
				}
			}},
		{name: "connections past their lifetime", hold: 2 * time.Millisecond, n: 5, k: 3, dials: 3,
			prepare: func(w *world) {
				for l := range w.hosts[0].leased.all {
					l.c.retires = w.now
				}
			}},
		{name: "an estimate that is a minute old", hold: 2 * time.Millisecond, n: 5, k: 3, dials: 3,
			prepare: func(w *world) {
				leased, _ := w.split()
				for _, rt := range leased {
					rt.done(0)
				}
				w.sleep(61 * time.Second)
				for range 5 {
					w.request(0)
				}
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, want{}, 1)
			w.warm(tt.n, dial, tt.hold)
			for range tt.n {
				w.request(0)
			}
			w.wantDials(0)
			if tt.prepare != nil {
				tt.prepare(w)
			}
			for range tt.k {
				w.request(0)
			}
			w.wantDials(tt.dials)
			w.check()
		})
	}
}

// A dial that was put off starts when a dial's time is over: the wait is at
// worst twice the best.
func TestAPutOffDialStartsInTime(t *testing.T) {
	w := newWorld(t, want{}, 1)
	w.warm(1, 100*time.Millisecond, time.Millisecond)
	w.request(0) // and this one takes for ever
	rt := w.request(0)
	w.wantDials(0)
	w.sleep(99 * time.Millisecond)
	w.wantDials(0)
	w.sleep(time.Millisecond)
	rt.wantConn(w.dialed(w.wantDial(rt)))
}

func TestALostLeaseStartsAPutOffDial(t *testing.T) {
	w := newWorld(t, want{}, 1)
	w.warm(2, 100*time.Millisecond, time.Millisecond)
	rt1 := w.request(0)
	w.request(0)
	rt3, rt4 := w.request(0), w.request(0)
	w.wantDials(0)
	rt1.done(closedByError)
	w.wantDials(1)
	w.wantDial(rt3)
	rt4.wantWaiting()
	w.check()
}

func TestALongDialIsPutOffForAQuarterSecond(t *testing.T) {
	w := newWorld(t, want{}, 1)
	w.warm(1, 10*time.Second, time.Millisecond)
	w.request(0)
	rt := w.request(0)
	w.sleep(longestDefer)
	w.wantDial(rt)
}

func TestLimitOfAHost(t *testing.T) {
	w := newWorld(t, want{maxConnsPerHost: 1}, 1)
	rt1 := w.request(0)
	rt2, rt3 := w.request(0), w.request(0)
	w.wantDials(1)
	c := w.dialed(w.wantDial(rt1))
	rt1.done(0)
	rt2.wantConn(c)
	rt2.done(closedByError)
	w.wantDial(rt3) // capacity woke it, not a connection
	w.check()
}

func TestLimitOfDials(t *testing.T) {
	w := newWorld(t, want{maxDialsPerHost: 2}, 1)
	var rts []*request
	for range 4 {
		rts = append(rts, w.request(0))
	}
	w.wantDials(2)
	w.failed(w.wantDial(rts[1]), false)
	if !errors.Is(rts[1].err, errRefused) {
		t.Error("the dial's own request does not have its error")
	}
	w.sleep(firstPause)
	w.wantDial(rts[2])
	w.dialed(w.wantDial(rts[0]))
	w.wantDial(rts[3])
	w.check()
}

func TestFullQueue(t *testing.T) {
	w := newWorld(t, want{maxConnsPerHost: 1, maxWaiting: 1}, 1)
	w.request(0)
	w.request(0).wantWaiting()
	if rt := w.request(0); !errors.Is(rt.err, ErrQueueFull) {
		t.Errorf("the request too many has error %v, want ErrQueueFull", rt.err)
	}
	w.check()
}

// At MaxConns, an idle connection of another host makes room.
func TestIdleMakesRoom(t *testing.T) {
	w := newWorld(t, want{maxConns: 1}, 2)
	rt := w.request(0)
	c := w.dialed(w.wantDial(rt))
	rt.done(0)
	rt2 := w.request(1)
	w.wantClosed(c, closedForOther)
	w.wantDial(rt2)
	w.check()
}

// At MaxConns, who has waited longest is next, whatever its host.
func TestSlotsGoByAge(t *testing.T) {
	w := newWorld(t, want{maxConns: 1}, 2)
	rt1 := w.request(0)
	c := w.dialed(w.wantDial(rt1))
	w.sleep(time.Millisecond)
	other := w.request(1)
	w.sleep(time.Millisecond)
	same := w.request(0)
	rt1.done(0)
	w.wantClosed(c, closedForOther)
	d := w.wantDial(other)
	same.wantWaiting()
	other.wantConn(w.dialed(d))
	other.done(0)
	w.wantDial(same)
	w.check()
}

// The other way round, the connection is handed over.
func TestAnOlderRequestOfTheSameHostKeepsTheConnection(t *testing.T) {
	w := newWorld(t, want{maxConns: 1}, 2)
	rt1 := w.request(0)
	c := w.dialed(w.wantDial(rt1))
	w.sleep(time.Millisecond)
	same := w.request(0)
	w.sleep(time.Millisecond)
	w.request(1).wantWaiting()
	rt1.done(0)
	same.wantConn(c)
	w.check()
}

func TestMaxIdle(t *testing.T) {
	w := newWorld(t, want{maxIdle: 1}, 2)
	rt1, rt2 := w.request(0), w.request(1)
	c1, c2 := w.dialed(w.wantDial(rt1)), w.dialed(w.wantDial(rt2))
	rt1.done(0)
	rt2.done(0)
	w.wantClosed(c1, closedExcess)
	w.request(1).wantConn(c2)
}

func TestIdleTimeoutAndLifetime(t *testing.T) {
	w := newWorld(t, want{idleTimeout: time.Second}, 1)
	c := w.warm(1, 0, 0)[0]
	w.sleep(time.Second)
	rt := w.request(0) // not swept yet, and not leased all the same
	w.wantClosed(c, closedIdleTimeout)
	c = w.dialed(w.wantDial(rt))
	c.retires = w.now.Add(time.Minute)
	w.sleep(time.Hour) // a request is never cut
	rt.done(0)
	w.wantClosed(c, closedTooOld)
	w.check()
}

func TestExpireTellsTheNext(t *testing.T) {
	w := newWorld(t, want{idleTimeout: time.Second}, 1)
	rt1, rt2 := w.request(0), w.request(0)
	c1, c2 := w.dialed(w.wantDial(rt1)), w.dialed(w.wantDial(rt2))
	rt1.done(0)
	w.sleep(300 * time.Millisecond)
	rt2.done(0)
	w.sleep(700 * time.Millisecond)
	var do todo
	next := w.hosts[0].expire(w.now, &do)
	w.act(w.hosts[0], &do)
	w.wantClosed(c1, closedIdleTimeout)
	if want := w.now.Add(300 * time.Millisecond); !next.Equal(want) {
		t.Errorf("the next sweep is at %v, want %v", next, want)
	}
	w.sleep(300*time.Millisecond - 1)
	w.request(0).wantConn(c2)
}

// An idle connection that the server closed goes at once, one in use when its
// request is done.
func TestHangup(t *testing.T) {
	w := newWorld(t, want{}, 1)
	c := w.warm(2, 0, 0)
	rt := w.request(0)
	for _, c := range c {
		var do todo
		w.hosts[0].hangup(c, w.now, &do)
		w.act(w.hosts[0], &do)
	}
	w.wantClosed(c[0], closedByPeer)
	w.wantClosed(c[1], 0)
	rt.done(0)
	w.wantClosed(c[1], closedByPeer)
}

// A retry keeps the dead connection's place, and trusts what was used just now.
func TestRetry(t *testing.T) {
	w := newWorld(t, want{maxConnsPerHost: 2}, 1)
	w.warm(2, 0, 0)
	w.sleep(freshness + time.Millisecond)
	rt := w.request(0)
	rt.retry()
	w.check()
	d := w.wantDial(rt) // the idle one is not to be trusted
	late := w.request(0)
	if late.conn == nil {
		t.Fatal("a request waits while a connection is idle")
	}
	late.done(0)
	rt.wantConn(late.w.requests[0].conn)
	rt.done(0)
	w.dialed(d)
	w.check()

	rt = w.request(0)
	fresh := w.hosts[0].idle.last()
	rt.retry()
	rt.wantConn(fresh)
}

// No port while others are in use: nobody fails, and one dial tries again after
// a pause, while what comes back serves.
func TestLocalFaultWithConnectionsInUse(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt1 := w.request(0)
	c := w.dialed(w.wantDial(rt1))
	rt2, rt3 := w.request(0), w.request(0)
	w.failed(w.wantDial(rt2), true)
	w.failed(w.wantDial(rt3), true)
	rt2.wantWaiting()
	rt3.wantWaiting()
	w.wantDials(0)
	w.request(0).wantWaiting() // and no storm
	w.wantDials(0)
	w.sleep(firstPause)
	w.wantDials(1)
	w.failed(w.dials[0], true)
	w.sleep(firstPause)
	w.wantDials(0)
	w.sleep(firstPause) // the pause has doubled
	w.wantDials(1)
	rt1.done(0)
	rt2.wantConn(c)
	w.check()
}

func TestLocalFaultWithNothingInUse(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt := w.request(0)
	w.failed(w.wantDial(rt), true)
	if !errors.Is(rt.err, errRefused) {
		t.Errorf("error %v, want the dial's", rt.err)
	}
	w.check()
}

// More callers than ports, all at once: those whose dial fails wait for those
// whose dial does not.
func TestLocalFaultAtAColdStart(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt1, rt2, rt3 := w.request(0), w.request(0), w.request(0)
	d1 := w.wantDial(rt1)
	w.failed(w.wantDial(rt2), true)
	w.failed(w.wantDial(rt3), true)
	rt2.wantWaiting()
	rt3.wantWaiting()
	rt1.wantConn(w.dialed(d1))
	w.check()
	rt1.done(0)
	leased, _ := w.split()
	leased[0].done(0)
	if len(w.requests) != 1 || w.requests[0].conn == nil {
		t.Error("not every request was served")
	}
	w.check()
}

func TestShutdownOfAHost(t *testing.T) {
	w := newWorld(t, want{maxConnsPerHost: 1}, 1)
	rt1 := w.request(0)
	c := w.dialed(w.wantDial(rt1))
	rt2 := w.request(0)
	var do todo
	leased := w.hosts[0].shutdown(w.now, &do)
	w.act(w.hosts[0], &do)
	if len(leased) != 1 || leased[0].c != c {
		t.Error("shutdown does not tell what is in use")
	}
	if rt2.err != ErrClosed {
		t.Errorf("a request that waits has error %v, want ErrClosed", rt2.err)
	}
	if rt := w.request(0); rt.err != ErrClosed {
		t.Errorf("a later request has error %v, want ErrClosed", rt.err)
	}
	rt1.done(0)
	w.wantClosed(c, closedByClose)
}

// A dial that was put off is not put off again when a shared slot lets it start,
// and all that starve get room, not the first alone.
func TestAPutOffDialThatFindsNoSlot(t *testing.T) {
	w := newWorld(t, want{maxConns: 4}, 2)
	w.warm(1, 100*time.Millisecond, time.Millisecond)
	rts := []*request{w.request(1), w.request(1), w.request(1)}
	for _, rt := range rts {
		w.dialed(w.wantDial(rt))
	}
	w.request(0) // holds the host's one connection for ever
	late := []*request{w.request(0), w.request(0), w.request(0)}
	w.wantDials(0) // put off
	for _, rt := range rts {
		rt.done(0) // and idle at the other host
	}
	w.sleep(100 * time.Millisecond)
	w.check()
	for _, rt := range late {
		w.wantDial(rt)
	}
}

// One that hung up before it was of use is not kept.
func TestHangupBeforeItsDialIsDone(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt := w.request(0)
	d := w.wantDial(rt)
	rt.cancel()
	w.landed(d)
	c := newConn(w.hosts[0], nil)
	var do todo
	w.hosts[0].hangup(c, w.now, &do)
	w.hosts[0].dialed(d, c, w.now, &do)
	w.act(w.hosts[0], &do)
	w.wantClosed(c, closedByPeer)
	w.check()
}

// A dial that got as far as the server ends the back-off of a local fault.
func TestARemoteFaultEndsTheBackOff(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt1, rt2 := w.request(0), w.request(0)
	d1, d2 := w.wantDial(rt1), w.wantDial(rt2)
	w.failed(d1, true)
	w.failed(d2, false)
	for range 4 {
		w.request(0)
	}
	w.sleep(time.Second)
	if len(w.dials) < 4 {
		t.Errorf("%d dials for 5 requests: they go one by one still", len(w.dials))
	}
	w.check()
}

// A connection that a request gave up before it used it says nothing of how
// long requests take.
func TestRestore(t *testing.T) {
	w := newWorld(t, want{}, 1)
	w.warm(1, 0, time.Second)
	rt := w.request(0)
	c := rt.conn
	w.forget(rt)
	var do todo
	w.hosts[0].restore(rt.lease, 0, w.now, &do)
	w.act(w.hosts[0], &do)
	if got := w.hosts[0].hold.mean; got != time.Second {
		t.Errorf("the estimate of a hold is %v, want 1s", got)
	}
	w.request(0).wantConn(c)
}

// DisableKeepAlives waits for its own dial, and what nobody wants of it is not
// kept.
func TestFreshTakesItsOwnDial(t *testing.T) {
	fresh := want{fresh: true}
	w := newWorld(t, want{}, 1)
	rt1 := w.requestLike(0, fresh)
	rt2 := w.requestLike(0, fresh)
	d1, d2 := w.wantDial(rt1), w.wantDial(rt2)
	c2 := w.dialed(d2)
	rt2.wantConn(c2)
	rt1.wantWaiting()
	rt1.cancel()
	w.wantClosed(w.dialed(d1), closedAfterRequest)
}

// BenchmarkHostTakePut is the pool alone: an idle connection leased and given
// back, the time passed in, no look at a socket. Run it with -cpu 1,2.
func BenchmarkHostTakePut(b *testing.B) {
	w := newWorld(b, want{idleTimeout: time.Minute}, 1)
	w.now = time.Now()
	w.warm(16, time.Millisecond, time.Millisecond)
	h, now := w.hosts[0], time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var do todo
			l, _ := h.take(&w.want, now, &do)
			do = todo{}
			h.put(l, 0, now, &do)
		}
	})
}

// BenchmarkHostTakePutTold is the same with Events and LeakAfter set: what of them
// is between a take and its put.
func BenchmarkHostTakePutTold(b *testing.B) {
	w := newWorld(b, want{idleTimeout: time.Minute}, 1)
	w.now = time.Now()
	for _, c := range w.warm(16, time.Millisecond, time.Millisecond) {
		c.nc, _ = fakenet.Pipe(0)
	}
	w.want.tell.events = &Events{Acquired: func(AcquireEvent) {}}
	h, now := w.hosts[0], time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var do todo
			l, _ := h.take(&w.want, now, &do)
			w.want.tell.acquired(l, 0)
			l.leakAfter = time.Minute
			l.open.Store(now.UnixNano())
			do = todo{}
			h.put(l, 0, now, &do)
		}
	})
}

// BenchmarkStats is of 10,000 hosts, each with an idle connection. ns/op must be
// 5 ms at most.
func BenchmarkStats(b *testing.B) {
	tr := &Transport{hosts: map[hostKey]*host{}}
	w := newWorld(b, want{}, 10_000)
	for i, h := range w.hosts {
		rt := w.request(i)
		w.dialed(w.wantDial(rt))
		rt.done(0)
		tr.hosts[h.key] = h
	}
	b.ReportAllocs()
	for b.Loop() {
		if s := tr.Stats(); len(s.Hosts) != len(w.hosts) {
			b.Fatalf("stats of %d hosts", len(s.Hosts))
		}
	}
}

// A host that is down is dialed less and less: by all who wait at once, and not
// again until the pause is over.
func TestARemoteFaultBacksOff(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt1, rt2 := w.request(0), w.request(0)
	d1, d2 := w.wantDial(rt1), w.wantDial(rt2)
	w.failed(d1, false)
	w.failed(d2, false)
	pause := firstPause
	for range 12 {
		rt1, rt2 = w.request(0), w.request(0)
		w.wantDials(0)
		w.sleep(pause - 1)
		w.wantDials(0)
		w.sleep(1)
		w.failed(w.wantDial(rt1), false)
		w.failed(w.wantDial(rt2), false)
		if rt1.err == nil || rt2.err == nil {
			t.Fatal("a request has no error from its dial")
		}
		pause = min(2*pause, lastRemotePause)
	}
	rt := w.request(0)
	w.sleep(pause)
	w.dialed(w.wantDial(rt))
	w.request(0)
	w.wantDials(1) // one that succeeds ends it
	w.check()
}

func TestFIFO(t *testing.T) {
	w := newWorld(t, want{fifo: true}, 1)
	c := w.warm(3, 0, 0)
	for range 2 {
		for _, c := range c {
			rt := w.request(0)
			rt.wantConn(c)
			w.sleep(time.Millisecond)
			rt.done(0)
		}
	}
}

// Over HTTP/2, FIFO spreads requests, LIFO packs them.
func TestReuseOfStreams(t *testing.T) {
	for fifo, inUse := range map[bool]int{false: 1, true: 2} {
		w := newWorld(t, want{fifo: fifo}, 2)
		w.streams = 2
		rts := []*request{w.request(1), w.request(1), w.request(1)}
		w.dialed(w.dials[0])
		w.dialed(w.dials[0])
		for _, rt := range rts {
			rt.done(0)
		}
		w.request(1)
		w.request(1)
		if n := w.hosts[1].inUse; n != inUse {
			t.Errorf("FIFO %v: 2 requests on %d connections, want %d", fifo, n, inUse)
		}
		w.check()
	}
}

func TestMaxConnRequests(t *testing.T) {
	for _, streams := range []int{0, 10} {
		w := newWorld(t, want{maxRequests: 3}, 2)
		w.streams = streams
		rt := w.request(1)
		c := w.dialed(w.wantDial(rt))
		for range 2 {
			rt.done(0)
			rt = w.request(1)
			rt.wantConn(c)
		}
		rt.done(0)
		w.wantClosed(c, closedWorn)
		w.check()
	}
}

// What the server says of its patience counts, if it is less than our own.
func TestServersKeepAlive(t *testing.T) {
	for _, tt := range []struct{ ours, servers, want time.Duration }{
		{90 * time.Second, 4 * time.Second, 4 * time.Second},
		{90 * time.Second, 200 * time.Second, 90 * time.Second},
		{-1, 4 * time.Second, 4 * time.Second},
		{90 * time.Second, 0, 90 * time.Second},
	} {
		w := newWorld(t, want{idleTimeout: tt.ours}, 1)
		rt := w.request(0)
		c := w.dialed(w.wantDial(rt))
		rt.lease.keep = tt.servers
		rt.done(0)
		w.sleep(tt.want - 1)
		rt = w.request(0)
		rt.wantConn(c)
		rt.done(0)
		w.sleep(tt.want) // and it holds until the server says otherwise
		w.request(0)
		w.wantClosed(c, closedIdleTimeout)
	}
}

// limit is SetHostLimits.
func (w *world) limit(i int, l *Limits) {
	var do todo
	w.hosts[i].limit(l, w.now, &do)
	w.act(w.hosts[i], &do)
}

// Raised limits let those go on that wait, lowered ones drain, and no request is
// cut short.
func TestHostLimits(t *testing.T) {
	w := newWorld(t, want{maxConnsPerHost: 1}, 1)
	rt1, rt2, rt3 := w.request(0), w.request(0), w.request(0)
	c1 := w.dialed(w.wantDial(rt1))
	w.wantDials(0)
	w.limit(0, &Limits{MaxConnsPerHost: 3})
	d2, d3 := w.wantDial(rt2), w.wantDial(rt3)
	w.want.maxConnsPerHost = 3 // as check is to know
	w.check()
	c2, c3 := w.dialed(d2), w.dialed(d3)
	rt3.done(0)
	w.limit(0, &Limits{MaxConnsPerHost: 1})
	w.wantClosed(c3, closedOverLimit)
	rt4 := w.request(0)
	rt4.wantWaiting()
	rt1.done(0)
	w.wantClosed(c1, closedOverLimit)
	rt4.wantWaiting()
	rt2.done(0)
	rt4.wantConn(c2)
	w.want.maxConnsPerHost = 1
	w.check()
	w.limit(0, nil)
	w.request(0).wantWaiting() // the Transport's own limit
}

// Over HTTP/2, a connection above the limit takes no new requests, and is closed
// after its last.
func TestHostLimitsOverHTTP2(t *testing.T) {
	w := newWorld(t, want{}, 2)
	w.streams = 2
	rt1, rt2, rt3 := w.request(1), w.request(1), w.request(1)
	c1, c2 := w.dialed(w.dials[0]), w.dialed(w.dials[0])
	rt3.wantConn(c2)
	w.failed(w.dials[0], false) // nobody needs it
	w.limit(1, &Limits{MaxConnsPerHost: 1})
	rt4 := w.request(1)
	rt4.wantConn(c2)
	rt1.done(0)
	w.wantClosed(c1, 0)
	rt2.done(0)
	w.wantClosed(c1, closedOverLimit)
	rt3.done(0)
	rt4.done(0)
	w.wantClosed(c2, 0)
	w.check()
}

// A name that has lost an address: what is idle there goes, what is in use goes
// when it comes back, and no stream of HTTP/2 there is leased.
func TestHostDrainsAnAddressThatLeft(t *testing.T) {
	w := newWorld(t, want{idleTimeout: time.Minute}, 1)
	var conns []*conn
	var requests []*request
	for range 3 {
		rt := w.request(0)
		requests = append(requests, rt)
		conns = append(conns, w.dialed(w.wantDial(rt)))
	}
	requests[0].done(0)
	gone := slices.IndexFunc(worldAddrs, func(a netip.Addr) bool { return conns[0].berth.of.addr.Addr() == a })
	w.resolved(w.hosts[0], gone)
	w.wantClosed(conns[0], closedMoved)
	gone = slices.IndexFunc(worldAddrs, func(a netip.Addr) bool { return conns[1].berth.of.addr.Addr() == a })
	w.resolved(w.hosts[0], gone)
	requests[1].done(0)
	w.wantClosed(conns[1], closedMoved)
	requests[2].done(0)
	w.request(0).wantConn(conns[2])
}

// PortReserve: there is nothing in use that could come back, but a port will.
func TestHostWaitsForAPort(t *testing.T) {
	w := newWorld(t, want{idleTimeout: time.Minute}, 1)
	rt := w.request(0)
	w.failedBy(w.wantDial(rt), errReserve, true)
	rt.wantWaiting()
	w.wantDials(0)
	other := w.request(0)
	w.wantDials(0)
	w.sleep(firstPause)
	d := w.wantDial(rt) // one tries
	other.wantWaiting()
	w.wantDials(1)
	rt.wantConn(w.dialed(d))
	w.wantDials(1) // and now the other
}

// MinIdleConnsPerHost: what a request takes is made up for.
func TestHostKeepsConnectionsReady(t *testing.T) {
	w := newWorld(t, want{idleTimeout: time.Minute, minIdle: 2}, 1)
	rt := w.request(0)
	w.wantDials(1) // the first shows what the host is like
	w.dialed(w.wantDial(rt))
	w.wantDials(2)
	w.dialed(w.dials[0])
	spare := w.dialed(w.dials[0])
	w.wantDials(0)
	other := w.request(0)
	other.wantConn(spare)
	w.wantDials(1)
	w.dialed(w.dials[0])
	rt.done(0)
	other.done(0)
	w.wantDials(0)
	if h := w.hosts[0]; h.idle.n != 4 {
		t.Errorf("%d are idle, want 4", h.idle.n)
	}
	w.sleep(time.Minute) // in which nobody asks
	var do todo
	w.hosts[0].expire(w.now, &do)
	w.act(w.hosts[0], &do)
	w.wantDials(0)
	if !do.empty {
		t.Error("a host that nobody uses is kept ready")
	}
}

// A server that closes what it accepts does not make it spin: nor do dials that
// fail, for whatever reason.
func TestHostDoesNotSpinForReadyConnections(t *testing.T) {
	for name, end := range map[string]func(w *world, d *dial){
		"closed":        func(w *world, d *dial) { w.hangupOf(w.dialed(d)) },
		"refused":       func(w *world, d *dial) { w.failed(d, false) },
		"no port":       func(w *world, d *dial) { w.failed(d, true) },
		"too few ports": func(w *world, d *dial) { w.failedBy(d, errReserve, true) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, want{idleTimeout: time.Minute, minIdle: 1}, 1)
			rt := w.request(0)
			c := w.dialed(w.wantDial(rt))
			rt.done(0)
			w.hangupOf(c)
			begun := w.now
			dials := 0
			for ; w.now.Sub(begun) < time.Minute; w.sleep(time.Millisecond) {
				for len(w.dials) > 0 {
					dials++
					end(w, w.dials[0])
				}
			}
			if dials < 10 || dials > 100 { // 10 ms, 20 ms … 1 or 5 s
				t.Errorf("%d dials in a minute", dials)
			}
			w.sleep(lastRemotePause)
			if !w.hosts[0].empty(w.now) {
				t.Error("the host is not forgotten")
			}
		})
	}
}

func TestReadyConnectionsKeepToLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		want want
		idle int
	}{
		"MaxIdleConnsPerHost": {want{minIdle: 5, maxIdlePerHost: 2}, 2},
		"none to be kept":     {want{minIdle: 5, maxIdlePerHost: -1}, 0},
		"MaxIdleConns":        {want{minIdle: 5, maxIdle: 3}, 3},
		"MaxConnsPerHost":     {want{minIdle: 5, maxConnsPerHost: 4}, 3},
		"MaxConns":            {want{minIdle: 5, maxConns: 2}, 1},
		"MaxDialsPerHost":     {want{minIdle: 5, maxDialsPerHost: 1}, 5},
		"DisableKeepAlives":   {want{minIdle: 5, fresh: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tt.want, 1)
			w.dialed(w.wantDial(w.request(0)))
			for len(w.dials) > 0 {
				w.dialed(w.dials[0])
				w.check()
			}
			if h := w.hosts[0]; h.idle.n != tt.idle {
				t.Errorf("%d are idle, want %d", h.idle.n, tt.idle)
			}
		})
	}
}

// Limits that are set and taken back leave nothing to be kept ready, and none
// makes it spin.
func TestReadyConnectionsFollowHostLimits(t *testing.T) {
	w := newWorld(t, want{}, 1)
	set := func(l *Limits) {
		var do todo
		w.hosts[0].limit(l, w.now, &do)
		w.act(w.hosts[0], &do)
	}
	set(&Limits{MinIdleConnsPerHost: 2})
	rt := w.request(0)
	w.dialed(w.wantDial(rt))
	w.wantDials(2)
	set(&Limits{MinIdleConnsPerHost: 2, MaxIdleConnsPerHost: -1})
	for len(w.dials) > 0 {
		w.dialed(w.dials[0]) // and it is closed
	}
	set(nil)
	w.sleep(lastRemotePause)
	w.wantDials(0)
}

// A host whose last dial failed for want of something on this machine, when its
// request had gone, is forgotten after a pause.
func TestHostIsForgottenAfterALocalFault(t *testing.T) {
	w := newWorld(t, want{}, 1)
	rt := w.request(0)
	d := w.wantDial(rt)
	rt.cancel()
	w.landed(d)
	var do todo
	d.h.failed(d, errRefused, true, w.now, &do)
	if !do.put {
		t.Error("no timer is set")
	}
	w.act(d.h, &do)
	w.sleep(lastLocalPause)
	if !d.h.empty(w.now) {
		t.Error("the host stays")
	}
}

// The timer for the next look-up is set by a connection, too: it may have fired
// while there was none.
func TestHostLooksUpItsNameAgain(t *testing.T) {
	w := newWorld(t, want{}, 1)
	w.resolved(w.hosts[0], 0)
	rt := w.request(0)
	d := w.wantDial(rt)
	if look, _ := w.hosts[0].resolveDue(w.now.Add(time.Hour)); look != nil {
		t.Error("a name is looked up without a connection")
	}
	w.landed(d)
	var do todo
	d.h.dialed(d, newConn(d.h, nil), w.now, &do)
	if do.resolve != time.Second {
		t.Errorf("the next look-up is in %v, want the interval", do.resolve)
	}
}

// What comes for a host that has left the map changes nothing.
func TestAHostThatIsGoneDoesNothing(t *testing.T) {
	w := newWorld(t, want{minIdle: 1}, 1)
	rt := w.request(0)
	c := w.dialed(w.wantDial(rt))
	w.failed(w.dials[0], false)
	rt.done(closedByError)
	w.wantClosed(c, closedByError)
	h := w.hosts[0]
	h.gone = true
	w.sleep(lastRemotePause)
	w.wantDials(0)
	var do todo
	h.refreshed(&answer{dialer: &dialer{net: &network{every: time.Second}}}, nil, errRefused, w.now, &do)
	h.resolved(&dialer{net: &network{every: time.Second}}, "h", nil, w.now, &do)
	if do.resolve != 0 {
		t.Error("it looks its name up again")
	}
}

// Over HTTP/2, one connection with streams to spare is enough, whatever the limits
// of idle ones are.
func TestReadyConnectionsOfHTTP2(t *testing.T) {
	w := newWorld(t, want{minIdle: 3, maxIdlePerHost: 2}, 2)
	w.streams = 10
	rt := w.request(1)
	c := w.dialed(w.wantDial(rt))
	w.wantDials(0)
	rt.done(0)
	w.hangupOf(c)
	w.wantDials(1)
	w.dialed(w.dials[0])
	w.wantDials(0)
}

// As long as a look-up is under way, nothing else is due: it may take long.
func TestHostLooksUpItsNameOnceAtATime(t *testing.T) {
	w := newWorld(t, want{}, 1)
	w.request(0)
	w.dialed(w.dials[0])
	w.resolved(w.hosts[0], 0)
	w.sleep(time.Second)
	look, next := w.hosts[0].resolveDue(w.now)
	if look == nil || !next.IsZero() {
		t.Fatalf("look up %v, next %v", look, next)
	}
	defer look.cancel()
	if again, next := w.hosts[0].resolveDue(w.now.Add(time.Minute)); again != nil || !next.IsZero() {
		t.Errorf("look up again %v, next %v", again, next)
	}
}

// Fields that have changed leave no answer, and nothing to look up: ResolveInterval
// was taken back, or the Resolver is another.
func TestHostForgetsTheAnswerOfOtherFields(t *testing.T) {
	for name, next := range map[string]*network{"none": nil, "another": {every: time.Second}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, want{}, 1)
			w.request(0)
			w.dialed(w.dials[0])
			w.resolved(w.hosts[0], 0)
			h := w.hosts[0]
			if ips := h.answered("h", next, w.now); ips != nil {
				t.Errorf("the next dial goes by %v", ips)
			}
			if look, at := h.resolveDue(w.now.Add(time.Hour)); look != nil || !at.IsZero() {
				t.Errorf("it is looked up again, or will be at %v", at)
			}
		})
	}
}
