package ports

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// A Tally counts the sockets of one namespace as they come. It keeps something for each destination and nothing
// for each socket, but for the live ones, whose owners are looked for later: Live.
//
// Listeners must come first: they tell whose the others are.
type Tally struct {
	ns       Namespace
	reserved *PortSet

	listening, bound, held PortSet           // of all ports, of the range, of the range
	timeWait, served       int               // TIME_WAITs, and those of accepted connections
	elsewhere              *[1 << 16]counter // TIME_WAITs by port, that is not of the range
	synSent                int
	index                  map[pair]int32
	counts                 []*count
	free                   []count // of a block that counts are taken from
	services               map[uint16]*Service
	live                   []Live
}

type pair struct {
	source      netip.Addr
	destination netip.AddrPort
}

// A count is what a Tally keeps for a destination. There are no more sockets to one than there are ports; but a
// dump is not of one moment, and may tell of a port twice.
type count struct {
	pair       pair
	oldest     time.Duration
	oldestIdle time.Duration
	states     [sock.Bound + 1]counter
	ages       [60]counter // of TIME_WAIT, in whole seconds
	halves     [22]counter // of these, the youngest in half seconds
	opened     [Steps]counter
	firstHalf  counter // of all, those with a port of the half that connect tries first
	firstLive  counter // of these, those not in TIME_WAIT
	reusable   counter
	firstReuse counter // of these, those of the first half
	retried    counter
	idle, once counter
	sample     [8]uint16 // of the ports of the other half, which bind tries first
	sampled    uint8
	onlyPort   uint16 // of the last one
}

// A counter is small, since there may be very many destinations. It stays at its most.
type counter uint16

func (c *counter) add() {
	if *c != math.MaxUint16 {
		*c++
	}
}

// A Live is a socket that a process may hold. It belongs to the destination with that index, or, where Service
// is not zero, to that port.
type Live struct {
	Inode   uint32
	Index   int32
	Service uint16
}

// maxLive bounds the memory for live sockets: eight bytes and more for each.
const maxLive = 1 << 18

// NewTally returns an empty Tally. Of ns, the settings must be filled in.
func NewTally(ns Namespace, reserved *PortSet) *Tally {
	t := &Tally{ns: ns, reserved: reserved}
	t.Reset()
	return t
}

// Reset forgets all sockets.
func (t *Tally) Reset() {
	*t = Tally{ns: t.ns, reserved: t.reserved, index: map[pair]int32{}, services: map[uint16]*Service{}}
}

// Add counts a socket.
func (t *Tally) Add(s sock.Socket) {
	port := s.Local.Port()
	switch s.State {
	case sock.Listen:
		t.listen(s)
		return
	case sock.Bound:
		t.AddBound(port)
		return
	case sock.TimeWait:
		t.timeWait++
	}
	switch {
	case !s.Local.IsValid() || !s.Remote.IsValid():
	case t.listening.Has(port):
		t.accepted(s)
	case t.inRange(port):
		t.dialed(s)
	case s.State == sock.TimeWait:
		t.outside(port)
	}
}

// outside counts a TIME_WAIT whose port connect takes no more, or never did. A server's, that listens no more,
// are many on one port; a client's, from before the range was moved, are on ports of their own.
func (t *Tally) outside(port uint16) {
	if t.elsewhere == nil {
		t.elsewhere = new([1 << 16]counter)
	}
	switch n := &t.elsewhere[port]; {
	case *n >= servedLeast:
		t.served++
	case *n == servedLeast-1:
		t.served += servedLeast
		n.add()
	default:
		n.add()
	}
}

// servedLeast is how many on one port are a server's.
const servedLeast = 3

// AddBound counts a port that a socket is bound to, which neither listens nor is connected.
func (t *Tally) AddBound(port uint16) {
	if t.inRange(port) {
		t.bound.Add(port)
		t.held.Add(port)
	}
}

// inRange reports whether connect may choose the port.
func (t *Tally) inRange(port uint16) bool {
	return int(port) >= t.ns.First && int(port) <= t.ns.Last && !t.reserved.Has(port)
}

func (t *Tally) listen(s sock.Socket) {
	port := s.Local.Port()
	if t.inRange(port) {
		t.bound.Add(port)
		t.held.Add(port)
		if !t.listening.Has(port) {
			t.ns.Listeners++
		}
	}
	t.listening.Add(port)
	if t.services[port] == nil {
		t.services[port] = &Service{Namespace: t.ns.Name, Local: s.Local, States: map[sock.State]int{}}
	}
	t.keepLive(Live{Inode: s.Inode, Service: port})
}

func (t *Tally) accepted(s sock.Socket) {
	svc := t.services[s.Local.Port()]
	svc.States[s.State]++
	switch s.State {
	case sock.TimeWait:
		t.served++
	case sock.CloseWait:
		if s.Inode != 0 { // else nobody has accepted it yet
			t.keepLive(Live{Inode: s.Inode, Service: s.Local.Port()})
		}
	}
}

func (t *Tally) dialed(s sock.Socket) {
	i := t.find(pair{s.Local.Addr(), s.Remote})
	c, port := t.counts[i], s.Local.Port()
	c.states[s.State].add()
	c.onlyPort = port
	t.held.Add(port)
	first := (int(port)-t.ns.First)%2 == 0
	if first {
		c.firstHalf.add()
	} else if int(c.sampled) < len(c.sample) {
		c.sample[c.sampled] = port
		c.sampled++
	}
	if s.State == sock.TimeWait {
		t.aged(c, s, first)
		return
	}
	if first {
		c.firstLive.add()
	}
	if s.State == sock.SynSent {
		t.synSent++
		if s.Retransmits > 0 {
			c.retried.add()
		}
	}
	if s.Info {
		c.informed(s)
	}
	if s.Inode != 0 {
		t.keepLive(Live{Inode: s.Inode, Index: i})
	}
}

func (t *Tally) keepLive(l Live) {
	if len(t.live) < maxLive {
		t.live = append(t.live, l)
	}
}

// aged counts a TIME_WAIT by its age, which is what its timer has run already.
func (t *Tally) aged(c *count, s sock.Socket, first bool) {
	age := max(0, t.ns.TimeWait-s.Expires)
	c.ages[min(int(age/time.Second), len(c.ages)-1)].add()
	if half := int(age / halfSecond); half < len(c.halves) {
		c.halves[half].add()
	}
	c.oldest = max(c.oldest, age)
	if age >= t.ns.TWDelay && t.ns.lends(s) {
		c.reusable.add()
		if first {
			c.firstReuse.add()
		}
	}
}

// lends reports whether connect may take a port that such a socket holds in TIME_WAIT, once it is old enough.
// By default (2) the kernel does so on loopback, which it knows by the addresses or the interface.
func (n *Namespace) lends(s sock.Socket) bool {
	const loopbackInterface = 1
	return n.Lends(s.Local.Addr(), s.Remote.Addr()) ||
		n.Timestamps && n.TWReuse == 2 && s.Interface == loopbackInterface
}

// Lends reports whether a connection between the addresses may take a port that is in TIME_WAIT.
func (n *Namespace) Lends(a, b netip.Addr) bool {
	return n.Timestamps && (n.TWReuse == 1 || n.TWReuse == 2 && (a.IsLoopback() || b.IsLoopback()))
}

// find returns the index of the pair's count.
func (t *Tally) find(p pair) int32 {
	if i, ok := t.index[p]; ok {
		return i
	}
	if len(t.free) == 0 {
		t.free = make([]count, 64)
	}
	c := &t.free[0]
	t.free = t.free[1:]
	c.pair = p
	i := int32(len(t.counts))
	t.counts = append(t.counts, c)
	t.index[p] = i
	return i
}

// informed takes in what is known of the traffic of a connection that may carry some.
func (c *count) informed(s sock.Socket) {
	switch s.State {
	case sock.CloseWait:
		c.oldestIdle = max(c.oldestIdle, s.Idle())
		return
	case sock.Established:
		c.oldestIdle = max(c.oldestIdle, s.Idle())
	default:
		return
	}
	if s.Idle() >= IdleAfter {
		c.idle.add()
	}
	if !usedOnce(s) {
		return
	}
	if s.Idle() >= OnceAfter {
		c.once.add()
	}
	if step := int(s.LastSent / StepTime); step < Steps {
		c.opened[Steps-1-step].add()
	}
}

// usedOnce reports whether a connection has carried no more than one request, and its answer.
func usedOnce(s sock.Socket) bool {
	waits := s.Sent > 0 && s.Received == 0
	return s.Sent <= onceSegments && !waits && s.LastSent-s.LastReceived <= onceAnswered
}

// Live are the sockets whose owners are to be found. There are no more than a bound, for the memory's sake.
func (t *Tally) Live() []Live { return t.live }

// A Probe asks the kernel whether a bound socket holds the port: then no connect can share it. It reports
// false where it cannot tell.
type Probe func(port uint16) (bound bool)

// Finish returns the namespace, and its destinations and services in the order of their indices in Live.
// Sort drops those that turned out to be none. A nil probe finds no port bound by a dialer.
func (t *Tally) Finish(costs Costs, probe Probe) (Namespace, []Destination, []Service) {
	ns := t.ns
	ns.TWCount, ns.TWServer, ns.SynSent = t.timeWait, t.served, t.synSent
	ns.PortsHeld = t.held.Len()
	foreign := t.listenersGone(&ns)
	boundBy := t.boundByDialers(probe, foreign)
	b := budget{ns: &ns, costs: costs, bound: t.bound.Len(), firstHalf: t.firstHalfSize()}
	for i, n := range boundBy {
		b.add(t.counts[i], n)
	}
	ns.BoundPorts, ns.BoundByDialers = b.bound, b.byDialers
	least := t.least()
	destinations := make([]Destination, len(t.counts))
	for i, c := range t.counts {
		switch {
		case foreign[i]:
		case c.total() < least:
			ns.LeftOut++
		default:
			destinations[i] = b.destination(c, boundBy[i])
			destinations[i].Accepted = t.acceptedBy(c.pair)
		}
	}
	return ns, destinations, t.sortedServices()
}

// maxDestinations is how many are told of. A crawler may have more, and hold a port or two of each.
const maxDestinations = 10_000

// least is how many ports a destination must hold to be told of: a thousandth, if there are too many.
func (t *Tally) least() int {
	if len(t.counts) <= maxDestinations {
		return 0
	}
	return max(2, t.ns.Size()/1000)
}

// firstHalfSize is how many ports connect tries first: those of the parity of the range's first, less what is
// reserved or bound.
func (t *Tally) firstHalfSize() (n int) {
	for p := t.ns.First; p <= t.ns.Last; p += 2 {
		if t.inRange(uint16(p)) && !t.bound.Has(uint16(p)) {
			n++
		}
	}
	return n
}

// boundByDialers says of each destination how many of its sockets were bound before they connected. The kernel
// does not tell, but bind to port 0 tries the half of the range first that connect tries last, so that most
// destinations need no probe. The fullest are looked at first.
func (t *Tally) boundByDialers(probe Probe, foreign []bool) []int {
	bound := make([]int, len(t.counts))
	if probe == nil {
		return bound
	}
	probes, innocent := 0, 0
	for _, i := range t.suspects(foreign) {
		if probes >= maxProbes || innocent >= maxInnocent {
			break
		}
		c, hits := t.counts[i], 0
		for n, port := range c.sample[:c.sampled] {
			if probes++; probe(port) {
				hits++
			}
			if hits == 0 && n == 1 {
				break // a client dials in one way: two that are not bound speak for all
			}
		}
		n := int(c.sampled)
		bound[i] = (c.total()*hits + n/2) / n
		if hits == 0 {
			innocent++
		}
	}
	return bound
}

// Both bound the time: a probe takes some 15 µs. If so many of the fullest destinations have no bound socket, the
// rest are not asked.
const (
	maxProbes   = 256
	maxInnocent = 16
)

// suspects are the destinations that hold ports of the half that bind tries first.
func (t *Tally) suspects(foreign []bool) (all []int) {
	for i, c := range t.counts {
		if c.sampled > 0 && !foreign[i] {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b int) int { return cmp.Compare(t.counts[b].total(), t.counts[a].total()) })
	return all
}

// listenersGone finds sockets that look dialed, but were accepted by a server that listens no more: several from
// one port to as many ports that a client would have. The port counts as bound as long as they are there. One who
// dials many such ports, once each, takes a port of ours twice by chance: those it may have are its own.
func (t *Tally) listenersGone(ns *Namespace) (foreign []bool) {
	likely := func(c *count) bool { return t.inRange(c.pair.destination.Port()) && c.total() == 1 }
	on, all := map[uint16]int{}, 0
	for _, c := range t.counts {
		if likely(c) {
			on[c.onlyPort]++
			all++
		}
	}
	var gone PortSet
	for p, n := range on {
		if n > 1 && !byChance(n, all, t.chance(p)) {
			gone.Add(p)
		}
	}
	for p := range gone.All() {
		t.bound.Add(p)
	}
	foreign = make([]bool, len(t.counts))
	for i, c := range t.counts {
		if foreign[i] = likely(c) && gone.Has(c.onlyPort); foreign[i] {
			ns.TWServer += int(c.states[sock.TimeWait])
		}
	}
	return foreign
}

// chance is how likely connect chooses a port, if it is free: it begins anywhere in its half of the range, and
// goes on to the next one for as long as they are bound, so that the first one after many is likely.
func (t *Tally) chance(port uint16) float64 {
	half, run := max(1, (t.ns.Last-t.ns.First+1)/2), 1
	for p := int(port); run < half; run++ {
		if p -= 2; p < t.ns.First {
			p += 2 * half
		}
		if t.inRange(uint16(p)) && !t.bound.Has(uint16(p)) {
			break
		}
	}
	return float64(run) / float64(half)
}

// byChance reports whether n of all connections may well share a port of that chance: if sets of n that do, on
// whichever port, are expected more often than one time in a thousand.
func byChance(n, all int, chance float64) bool {
	ways := logFactorial(all) - logFactorial(n) - logFactorial(all-n)
	return ways+float64(n-1)*math.Log(chance) > math.Log(1e-3)
}

func logFactorial(n int) float64 {
	l, _ := math.Lgamma(float64(n) + 1)
	return l
}

// acceptedBy is how many sockets the destination's own side has, if that is this machine.
func (t *Tally) acceptedBy(p pair) (n int) {
	svc := t.services[p.destination.Port()]
	if svc == nil || p.source != p.destination.Addr() && !p.destination.Addr().IsLoopback() {
		return 0
	}
	for _, k := range svc.States {
		n += k
	}
	return n
}

func (t *Tally) sortedServices() []Service {
	services := make([]Service, 0, len(t.services))
	for _, s := range t.services {
		services = append(services, *s)
	}
	slices.SortFunc(services, func(a, b Service) int { return a.Local.Compare(b.Local) })
	return services
}

// Sort puts the fullest destinations first, by namespace, and drops those that hold nothing.
func Sort(all []Destination) []Destination {
	all = slices.DeleteFunc(all, func(d Destination) bool { return d.Held == 0 })
	slices.SortStableFunc(all, func(a, b Destination) int {
		return cmp.Or(
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Free*max(b.Budget, 1), b.Free*max(a.Budget, 1)),
			cmp.Compare(b.Held, a.Held),
			a.Destination.Compare(b.Destination),
			a.Source.Compare(b.Source),
		)
	})
	return all
}

func (c *count) total() (n int) {
	for _, k := range c.states {
		n += int(k)
	}
	return n
}

// Quiet returns a port where nobody listens, and that connect would not choose: one that refuses.
func (t *Tally) Quiet() (port uint16, ok bool) {
	for p := uint16(1); p != 0; p++ {
		if (int(p) < t.ns.First || int(p) > t.ns.Last) && !t.listening.Has(p) {
			return p, true
		}
	}
	return 0, false
}
