package berth

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// ledger is what a Transport's own dialer knows of the ports that it holds: for
// each destination and each local address, how many are in use, and how many
// were closed in the last minute, which hold theirs in TIME_WAIT. By it, a dial
// takes the address of a name that has the fewest connections, and of the local
// ones that which has the most ports left.
//
// Its mutex is a leaf, as the budget's.
type ledger struct {
	mu    sync.Mutex // guards the fields below, and what is in them
	to    map[netip.AddrPort]*destination
	turn  uint64 // of the last dial
	ports int    // in the range that the last dial found; zero is unknown
	tidy  int    // how many destinations there may be before those that are not in use are forgotten
}

// destination is an address and port that is dialed.
type destination struct {
	addr   netip.AddrPort
	open   int       // connections and dials
	turn   uint64    // when it was dialed last
	down   time.Time // a dial to it failed: until then it is the last to be tried
	pause  time.Duration
	berths []*berth
}

// How long an address that could not be reached is the last to be tried: the time
// doubles. That costs nothing where it is the only one, and much less than a dial
// into the void where it is not.
const (
	firstDown = time.Second
	lastDown  = 30 * time.Second
)

// A berth is a local address as a destination sees it: it has a port for each of
// the range. The address is none where the system chooses.
type berth struct {
	of    *destination
	local netip.Addr
	open  int
	waits timeWaits
	full  time.Time // connect found no port: until then it is the last to be tried
}

// timeWaits counts connections that this side closed in the last minute, by the
// second: the kernel keeps their ports for TCP_TIMEWAIT_LEN.
type timeWaits struct {
	begun time.Time // the first; times are compared by the monotonic clock
	last  int64     // second that was counted last, since begun
	sum   int
	at    [60]int32 // by second modulo 60
}

func (w *timeWaits) add(now time.Time) {
	if w.begun.IsZero() {
		w.begun = now
	}
	w.pass(now)
	w.at[w.last%60]++
	w.sum++
}

// pass forgets those whose minute is over.
func (w *timeWaits) pass(now time.Time) {
	if w.begun.IsZero() {
		return
	}
	s := int64(now.Sub(w.begun) / time.Second)
	for n := min(s-w.last, 60); n > 0 && w.sum > 0; n-- {
		i := (s - n + 1) % 60
		w.sum -= int(w.at[i])
		w.at[i] = 0
	}
	w.last = max(w.last, s)
}

// fullFor is how long other local addresses are tried before one whose ports are
// all taken, by others too.
const fullFor = time.Second

// ways are those that a dial may take.
type ways struct {
	to      []netip.AddrPort // in the order of the answer
	from    []netip.Addr     // none: the system chooses
	reserve int              // PortReserve
}

// take chooses the berth for a dial, and holds it: to an address of the best
// rank there is, of these to one that did not just fail, then to that with the
// fewest connections, then to that whose last dial is longest ago; from the local
// address that holds the fewest ports there. It is nil if there is none with more
// than reserve ports left.
func (l *ledger) take(w *ways, now time.Time) *berth {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tidyUp(len(w.to), now)
	var best *berth
	for i, addr := range w.to {
		if best != nil && !sameRank(w.to[i-1].Addr(), addr.Addr()) {
			break
		}
		if b := l.emptiest(l.at(addr), w, now); b != nil && (best == nil || b.of.before(best.of, now)) {
			best = b
		}
	}
	if best == nil {
		return nil
	}
	l.turn++
	best.of.turn = l.turn
	best.of.open++
	best.open++
	return best
}

// before reports whether d is to be dialed rather than e, of the same rank.
func (d *destination) before(e *destination, now time.Time) bool {
	down, eDown := d.down.After(now), e.down.After(now)
	switch {
	case down != eDown:
		return eDown
	case d.open != e.open:
		return d.open < e.open
	}
	return d.turn < e.turn
}

// emptiest returns the berth with the most ports left, or nil if these are too
// few.
func (l *ledger) emptiest(d *destination, w *ways, now time.Time) (best *berth) {
	if len(w.from) == 0 {
		best = d.berth(netip.Addr{})
		best.waits.pass(now)
	}
	for _, local := range w.from {
		if local.Is4() != d.addr.Addr().Is4() {
			continue
		}
		b := d.berth(local)
		b.waits.pass(now)
		if best == nil || b.emptier(best, now) {
			best = b
		}
	}
	if best != nil && w.reserve > 0 && l.ports > 0 && l.ports-best.held() < w.reserve {
		return nil
	}
	return best
}

func (b *berth) emptier(o *berth, now time.Time) bool {
	if full, oFull := b.full.After(now), o.full.After(now); full != oFull {
		return oFull
	}
	return b.held() < o.held()
}

// held is how many ports the pool holds there.
func (b *berth) held() int { return b.open + b.waits.sum }

// tidyUp forgets destinations that are not in use, now and then, so that there is
// room for n more. Nobody may hold one meanwhile.
func (l *ledger) tidyUp(n int, now time.Time) {
	if len(l.to)+n <= l.tidy {
		return
	}
	for addr, d := range l.to {
		if d.unused(now) {
			delete(l.to, addr)
		}
	}
	l.tidy = max(64, 2*len(l.to)+n)
}

// at returns the destination, making it if it must.
func (l *ledger) at(addr netip.AddrPort) *destination {
	if d := l.to[addr]; d != nil {
		return d
	}
	if l.to == nil {
		l.to = map[netip.AddrPort]*destination{}
	}
	d := &destination{addr: addr}
	l.to[addr] = d
	return d
}

func (d *destination) unused(now time.Time) bool {
	return d.open == 0 && !d.down.After(now) && !slices.ContainsFunc(d.berths, func(b *berth) bool {
		b.waits.pass(now)
		return b.waits.sum > 0
	})
}

func (d *destination) berth(local netip.Addr) *berth {
	for _, b := range d.berths {
		if b.local == local {
			return b
		}
	}
	b := &berth{of: d, local: local}
	d.berths = append(d.berths, b)
	return b
}

// release gives a berth back. It keeps its port for a minute if it is left in
// TIME_WAIT.
func (l *ledger) release(b *berth, timeWait bool, now time.Time) {
	if b == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b.open--
	b.of.open--
	if b.open < 0 {
		panic("berth: internal error: more ports released than taken")
	}
	if timeWait {
		b.waits.add(now)
	}
}

// connected tells how a dial from b went, its handshake and proxy included. If it
// failed for want of a port, or of the local address, the destination is not to
// blame.
func (l *ledger) connected(b *berth, err error, now time.Time) {
	if b == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _, local := localFault(err)
	switch {
	case err == nil:
		b.of.down, b.of.pause = time.Time{}, 0
		b.full = time.Time{}
	case isBerths(err):
		b.full = now.Add(fullFor)
	case !local:
		if b.of.down.Before(now) { // dials that failed together count once
			b.of.pause = min(max(2*b.of.pause, firstDown), lastDown)
			b.of.down = now.Add(b.of.pause)
		}
	}
}

// isBerths reports whether a dial failed for what another local address may have: a
// port, or being there.
func isBerths(err error) bool {
	_, ports, _ := localFault(err)
	var call *os.SyscallError
	return ports || errors.As(err, &call) && call.Syscall == "bind"
}

// sawRange notes how many ports there are to choose from.
func (l *ledger) sawRange(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ports = n
}

func (l *ledger) rangeSeen() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ports
}

// hasRoom reports whether there is a berth for one of the ways that is not known
// to be full.
func (l *ledger) hasRoom(addr netip.AddrPort, w *ways, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.emptiest(l.at(addr), w, now)
	return b != nil && !b.full.After(now)
}
