package tracer

import (
	"fmt"
	"net/netip"
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

	mu           sync.Mutex // guards the fields below
	listening    map[uint16]bool
	destinations map[netip.AddrPort]*heard
	ended        map[pair]bool // whether it was seen in TIME_WAIT; those of the last minute matter
	unplaced     int           // ended, and the kernel no longer knew where they were connected to
	dropped      int
	failed       error
}

// A pair of ends is a connection.
type pair struct{ local, remote netip.AddrPort }

// heard is what was heard of a destination.
type heard struct{ ended, byUs, segments int }

// mostPairs bounds the memory: of more, it is not known who closed them.
const mostPairs = 1 << 18

// StartUnprivileged listens, where eBPF can't be had for the reason given.
func StartUnprivileged(why error) (*Listener, error) {
	events, err := sockdiag.Listen()
	if err != nil {
		return nil, err
	}
	l := &Listener{
		events: events, began: time.Now(), why: why,
		listening: map[uint16]bool{}, destinations: map[netip.AddrPort]*heard{}, ended: map[pair]bool{},
	}
	if err := l.findListeners(); err != nil {
		events.Close()
		return nil, err
	}
	l.heard.Go(l.listen)
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
	if len(l.ended) < mostPairs {
		l.ended[pair{s.Local, s.Remote}] = false
	}
}

// Bill is what was heard so far.
func (l *Listener) Bill() (*bill.Bill, error) {
	l.settle()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return nil, l.failed
	}
	if err := l.findTimeWaits(); err != nil {
		return nil, err
	}
	b := &bill.Bill{Time: time.Since(l.began), Tier: bill.Destroy, Lost: l.dropped}
	for to, d := range l.destinations {
		b.Groups = append(b.Groups, bill.Group{
			Destination: to, Connections: d.ended, ClosedByUs: d.byUs, ClosedByPeer: d.ended - d.byUs,
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

// findTimeWaits looks which of those that ended have their TIME_WAIT on this side.
func (l *Listener) findTimeWaits() error {
	return sockdiag.Dump(sockdiag.Query{States: sock.SetOf(sock.TimeWait)}, func(s sock.Socket) {
		p := pair{s.Local, s.Remote}
		if seen, ok := l.ended[p]; ok && !seen {
			l.ended[p] = true
			l.destinations[s.Remote].byUs++
		}
	})
}

// Close ends it.
func (l *Listener) Close() error {
	err := l.events.Close()
	l.heard.Wait()
	return err
}
