package berth

import "time"

// backoff is the pause between the dials of a host that fail: for want of
// something on this machine, or because of the host. It doubles from one failure
// to the next, and a dial that succeeds ends it.
type backoff struct {
	local bool // for want of something local
	ports bool // which is PortReserve: time brings it back
	pause time.Duration
	until time.Time
}

const (
	firstPause      = 10 * time.Millisecond
	lastLocalPause  = time.Second // what is missing here can come back at any time
	lastRemotePause = 5 * time.Second
)

// grow notes a failure. early, from 0 to 1, is how much earlier than after its
// whole pause the next dial may start, of a quarter: so that those of a fleet do
// not start together.
func (b *backoff) grow(local bool, early float64, now time.Time) {
	if b.local != local {
		*b = backoff{local: local}
	}
	if b.until.After(now) {
		return // dials that failed together count once
	}
	last := lastRemotePause
	if local {
		last = lastLocalPause
	}
	b.pause = min(max(2*b.pause, firstPause), last)
	b.until = now.Add(b.pause - time.Duration(early*float64(b.pause)/4))
}

// probing reports whether, after a local fault, one dial is trying whether it
// has passed: the others wait for its answer, or for a connection to come back.
func (h *host) probing() bool { return h.backoff.local && h.backoff.pause > 0 && h.dials.n > 0 }

// backedOff returns until when no dial is to start, or zero. After a local
// fault that holds only as long as there is something else to wait for, or ports
// in TIME_WAIT.
func (h *host) backedOff(now time.Time) time.Time {
	b := &h.backoff
	if !b.until.After(now) || b.local && !b.ports && h.dials.n == 0 && !h.mayComeBack(now) {
		return time.Time{}
	}
	return b.until
}
