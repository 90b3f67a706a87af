package berth

import (
	"sync"
	"sync/atomic"
)

// budget is what all hosts of a Transport share: the count of connections, the
// idle ones by age, and the waiters that a shared limit holds back.
//
// Its mutex is a leaf: taken last, with or without a host's, and never while
// calling out. Two hosts' mutexes are never held together, so to make room for
// host A the Transport unlocks A, evicts in B alone, and passes the slot.
type budget struct {
	// closeIdle: CloseIdleConnections was called and no request began since, so
	// what becomes idle is closed too, as net/http does.
	closeIdle atomic.Bool

	mu      sync.Mutex
	open    int          // connections and dials of all hosts
	idle    list[conn]   // idle connections under a shared limit, the longest idle first
	starved list[waiter] // waiters that want a slot, the oldest first
}

// acquire takes a slot for a dial that is for w. If there is none, w stands
// among the starved from now on.
func (b *budget) acquire(w *waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if limit := w.want.maxConns; limit <= 0 || b.open < limit {
		b.open++
		return true
	}
	at := b.starved.back
	for at != nil && at.of.since.After(w.since) {
		at = at.prev
	}
	b.starved.insertAfter(&w.hunger, at)
	return false
}

// spare takes a slot for a dial that is for nobody, if nobody else wants it and
// there is room for what it brings.
func (b *budget) spare(want *want) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if want.maxConns > 0 && (b.open >= want.maxConns || b.starved.n > 0) || want.maxIdle > 0 && b.idle.n >= want.maxIdle {
		return false
	}
	b.open++
	return true
}

// release gives a slot back. It returns the waiter that has it now, or nil.
func (b *budget) release() *waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.starved.first(); w != nil {
		b.starved.remove(&w.hunger)
		return w
	}
	if b.open--; b.open < 0 {
		panic("berth: internal error: more slots released than taken")
	}
	return nil
}

// leave takes w from the starved, if it is among them.
func (b *budget) leave(w *waiter) {
	b.mu.Lock()
	b.starved.remove(&w.hunger)
	b.mu.Unlock()
}

// owed reports whether a connection that came back to h, for which w waits or,
// where w is nil, nobody, is to make room for an older waiter, who can't have
// it: one of another host, or with DisableKeepAlives.
func (b *budget) owed(h *host, w *waiter, limit int) bool {
	if limit <= 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	oldest := b.starved.first()
	return oldest != nil && (oldest.h != h || oldest.want.fresh) && (w == nil || oldest.since.Before(w.since))
}

// enter adds a connection that became idle, where a shared limit counts it. It
// reports whether there are more idle ones now than maxIdle, and whether a
// waiter began to starve since owed was asked.
func (b *budget) enter(c *conn, maxIdle, maxConns int) (over, starving bool) {
	if maxIdle <= 0 && maxConns <= 0 {
		return false, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c.ranked = true
	b.idle.pushBack(&c.rank)
	return maxIdle > 0 && b.idle.n > maxIdle, b.starved.n > 0
}

// exit removes a connection that is idle no longer.
func (b *budget) exit(c *conn) {
	if !c.ranked {
		return
	}
	c.ranked = false
	b.mu.Lock()
	b.idle.remove(&c.rank)
	b.mu.Unlock()
}

// excess returns the connection that has been idle for longest if there are
// more idle ones than max, else nil. By the time that its host is locked, it may
// have been leased.
func (b *budget) excess(max int) *conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.idle.n <= max {
		return nil
	}
	return b.idle.first()
}

// starves reports whether a waiter wants a slot and there is none.
func (b *budget) starves() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.starved.n > 0
}

// crowded returns the connection that has been idle for longest if a waiter
// starves, else nil.
func (b *budget) crowded() *conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.starved.n == 0 {
		return nil
	}
	return b.idle.first()
}
