package berth

import (
	"sync"
	"sync/atomic"
	"time"
)

// sweeper is one timer for the Transport, and none a connection, for what takes
// long: idle connections whose time is over, response bodies that are open for
// too long. There is no timer while there is nothing to expect.
type sweeper struct {
	next atomic.Int64 // when timer fires, in Unix nanoseconds; zero while it is stopped

	mu    sync.Mutex // guards timer and changes of next
	timer *time.Timer
}

// sweepGap is the least time between two sweeps, so that 10,000 connections
// that became idle one by one are not 10,000 sweeps. An overdue connection is
// never leased, whether it was swept or not.
const sweepGap = 50 * time.Millisecond

// expect sees to it that sweep is called d after from, or before. It is the same
// function each time.
func (s *sweeper) expect(t *Transport, sweep func(*Transport), from time.Time, d time.Duration) {
	at := from.UnixNano() + int64(d)
	if s.covers(at) {
		return // the common case, without the mutex
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.covers(at) {
		return
	}
	s.next.Store(at)
	wait := time.Until(from.Add(d))
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, func() { sweep(t) })
		return
	}
	s.timer.Reset(wait)
}

func (s *sweeper) covers(at int64) bool {
	next := s.next.Load()
	return next != 0 && next <= at
}

// stop ends the timer. It starts again with the next idle connection.
func (s *sweeper) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.next.Store(0)
}

// sweep closes what is overdue at every host.
func (t *Transport) sweep() {
	now := time.Now()
	t.idle.next.Store(0)
	var next time.Time
	for _, h := range t.allHosts() {
		var do todo
		at := h.expire(now, &do)
		t.act(h, &do)
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if !next.IsZero() {
		t.idle.expect(t, (*Transport).sweep, now, max(next.Sub(now), sweepGap))
	}
}
