package tracer

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
	"github.com/berth-go/berth/cmd/berth/internal/sockdiag"
)

// A Listener makes a bill of what the kernel tells everybody: of the connections of this network namespace that end,
// without their process and what opened them.
type Listener struct {
	events *sockdiag.Listener
	began  time.Time
	why    error // that there is no better way
	heard  sync.WaitGroup
	closed chan struct{}
	once   sync.Once // of Close

	mu           sync.Mutex // guards the fields below
	listening    map[uint16]bool
	destinations map[netip.AddrPort]*heard
	ended        map[pair]time.Time // when, of those that may have a TIME_WAIT here
	unplaced     int                // ended, and the kernel no longer knew where they were connected to
	dropped      int
	failed       error
}

// A pair of ends is a connection.
type pair struct{ local, remote netip.AddrPort }

// heard is what was heard of a destination. Of those that ended, by us are those whose TIME_WAIT was seen here, and
// by the other side those without one.
type heard struct{ ended, byUs, byPeer, segments int }

// mostPairs bounds the memory: of more, it is not known who closed them.
const mostPairs = 1 << 18

// lookTime is how often TIME_WAITs are looked for: one lasts for a minute.
const lookTime = 20 * time.Second

// StartUnprivileged listens, where eBPF can't be had for the reason given.
func StartUnprivileged(why error) (*Listener, error) {
	events, err := sockdiag.Listen()
	if err != nil {
		return nil, err
	}
	l := &Listener{
		events: events, began: time.Now(), why: why,
		listening: map[uint16]bool{}, destinations: map[netip.AddrPort]*heard{}, ended: map[pair]time.Time{}, closed: make(chan struct{}),
	}
	if err := l.findListeners(); err != nil {
		events.Close()
		return nil, err
	}
	l.heard.Go(l.listen)
	l.heard.Go(l.look)
	return l, nil
}

// findListeners notes the ports that are listened on: connections of these were accepted, and not opened from here.
func (l *Listener) findListeners() error {
	return sockdiag.Dump(sockdiag.Query{States: sock.SetOf(sock.Listen)}, func(s sock.Socket) { l.listening[s.Local.Port()] = true })
}

func (l *Listener) listen() {
	for {
		dropped, err := l.events.Next(l.hear)
		l.mu.Lock()
		if dropped {
			l.dropped++
		}
		l.failed = err
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (l *Listener) hear(s sock.Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !s.Local.IsValid(), l.listening[s.Local.Port()]:
		return
	case !s.Remote.IsValid():
		if s.Sent > 0 {
			l.unplaced++
		}
		return
	}
	d := l.destinations[s.Remote]
	if d == nil {
		d = &heard{}
		l.destinations[s.Remote] = d
	}
	d.ended++
	d.segments += int(s.Sent)
	p := pair{s.Local, s.Remote}
	if _, again := l.ended[p]; again {
		d.byPeer++ // its port is used again: the one before had no TIME_WAIT
	}
	if len(l.ended) < mostPairs {
		l.ended[p] = time.Now()
	}
}

// look finds the TIME_WAITs of what has ended before they end too.
func (l *Listener) look() {
	ticker := time.NewTicker(lookTime)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.mu.Lock()
			err := l.findTimeWaits(lookTime)
			l.failed = cmp.Or(l.failed, err)
			l.mu.Unlock()
		case <-l.closed:
			return
		}
	}
}

// Run calls start, which starts a process. What that connects to cannot be told from what others do.
func (l *Listener) Run(start func() error) error { return start() }

// Bill is what was heard so far.
func (l *Listener) Bill() (*bill.Bill, error) {
	l.settle()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return nil, l.failed
	}
	if err := l.findTimeWaits(0); err != nil {
		return nil, err
	}
	b := &bill.Bill{Time: time.Since(l.began), Tier: bill.Destroy, Lost: l.dropped}
	for to, d := range l.destinations {
		b.Groups = append(b.Groups, bill.Group{
			Destination: to, Connections: d.ended, ClosedByUs: d.byUs, ClosedByPeer: d.byPeer,
			Requests: float64(d.segments) / float64(d.ended),
			Hint:     "it takes eBPF",
		})
	}
	Sort(b.Groups)
	b.Missing = append(b.Missing, fmt.Sprintf("which process and which call opens them, what is open still, and connects that fail: %v", l.why))
	if l.unplaced > 0 {
		b.Missing = append(b.Missing, fmt.Sprintf("where %d connections were to that were reset: without eBPF the kernel no longer says", l.unplaced))
	}
	return b, nil
}

// settle waits until what has ended by now was heard: the kernel tells of it from a queue of its own.
func (l *Listener) settle() {
	const quiet, step, most = 50, 5 * time.Millisecond, 3 * time.Second
	for n, end := 0, time.Now().Add(most); n < quiet && time.Now().Before(end); n++ {
		time.Sleep(step)
		if l.events.Pending() {
			n = 0
		}
	}
}

// findTimeWaits looks which of those that ended have their TIME_WAIT on this side. Those that ended so long ago, and
// have none, were closed by the other side.
func (l *Listener) findTimeWaits(age time.Duration) error {
	err := sockdiag.Dump(sockdiag.Query{States: sock.SetOf(sock.TimeWait)}, func(s sock.Socket) {
		p := pair{s.Local, s.Remote}
		if _, ok := l.ended[p]; ok {
			delete(l.ended, p)
			l.destinations[s.Remote].byUs++
		}
	})
	if err != nil {
		return err
	}
	for p, at := range l.ended {
		if time.Since(at) >= age {
			delete(l.ended, p)
			l.destinations[p.remote].byPeer++
		}
	}
	return nil
}

// Close ends it.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	err := l.events.Close()
	l.heard.Wait()
	if errors.Is(err, os.ErrClosed) {
		return nil // it was closed before
	}
	return err
}
