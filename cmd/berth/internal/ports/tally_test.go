package ports

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// A world is a namespace of 100 ports and its sockets, on addresses that are not loopback.
type world struct {
	ns       Namespace
	reserved PortSet
	sockets  []sock.Socket
	bound    map[uint16]bool // what the kernel would say of a port
}

func newWorld() *world {
	return &world{
		ns: Namespace{
			First: 33000, Last: 33099, TimeWait: time.Minute, TWReuse: 2, TWDelay: time.Second, Timestamps: true,
		},
		bound: map[uint16]bool{},
	}
}

var (
	here  = netip.MustParseAddr("10.0.1.5")
	there = netip.MustParseAddrPort("10.0.3.7:8080")
	other = netip.MustParseAddrPort("10.0.9.2:5432")
)

func (w *world) add(state sock.State, port int, to netip.AddrPort, expires time.Duration) {
	local := netip.AddrPortFrom(here, uint16(port))
	if to.Addr().IsLoopback() {
		local = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
	}
	w.sockets = append(w.sockets, sock.Socket{State: state, Local: local, Remote: to, Expires: expires})
}

// finish returns the one destination with that address, or a zero one.
func (w *world) finish(to netip.AddrPort) (Namespace, Destination) {
	ns, all := w.finishAll()
	for _, d := range all {
		if d.Destination == to {
			return ns, d
		}
	}
	return ns, Destination{}
}

func (w *world) finishAll() (Namespace, []Destination) {
	t := NewTally(w.ns, &w.reserved)
	for _, s := range w.sockets {
		t.Add(s)
	}
	ns, all, _ := t.Finish(Estimated, func(p uint16) bool { return w.bound[p] })
	return ns, Sort(all)
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestBudget(t *testing.T) {
	w := newWorld()
	for p := 33000; p < 33060; p += 2 {
		w.add(sock.TimeWait, p, there, 30*time.Second)
	}
	w.add(sock.Established, 33060, there, 0)
	w.add(sock.Established, 33000, other, 0) // the same port, another destination
	w.add(sock.Established, 40000, there, 0) // beyond the range: given by somebody, and none of ours
	ns, d := w.finish(there)
	want(t, "budget", d.Budget, 100)
	want(t, "held", d.Held, 31)
	want(t, "free", d.Free, 69)
	want(t, "reusable", d.Reusable, 0)
	want(t, "time-wait", d.States[sock.TimeWait], 30)
	want(t, "established", d.States[sock.Established], 1)
	want(t, "free in the first half", d.FirstHalfFree, 19)
	want(t, "ports held", ns.PortsHeld, 31)
	want(t, "in time-wait", ns.TWCount, 30)
	want(t, "closed in step 5", d.Closed[5], 6.0) // age 30 s
	want(t, "exhausted", d.ExhaustedIn, never)
	if d.Wall < 1.66 || d.Wall > 1.67 || d.Cliff != d.Wall/2 {
		t.Errorf("wall %v, cliff %v", d.Wall, d.Cliff)
	}
}

func TestReservedAndBound(t *testing.T) {
	w := newWorld()
	for p := uint16(33000); p < 33010; p++ {
		w.reserved.Add(p)
	}
	w.ns.Reserved = 10
	w.add(sock.Bound, 33010, netip.AddrPort{}, 0)
	w.add(sock.Bound, 33010, netip.AddrPort{}, 0) // the same port at another address
	w.add(sock.Bound, 33000, netip.AddrPort{}, 0) // reserved already
	w.add(sock.Listen, 33012, netip.AddrPort{}, 0)
	w.add(sock.Listen, 80, netip.AddrPort{}, 0)
	w.add(sock.Established, 33014, there, 0)
	ns, d := w.finish(there)
	want(t, "bound ports", ns.BoundPorts, 2)
	want(t, "of dialers", ns.BoundByDialers, 0)
	want(t, "listeners", ns.Listeners, 1)
	want(t, "budget", d.Budget, 88)
	want(t, "free", d.Free, 87)
	want(t, "free in the first half", d.FirstHalfFree, 42) // 50 − 5 reserved − 2 bound − 1 held
}

func TestAcceptedHoldNothing(t *testing.T) {
	w := newWorld()
	w.add(sock.Listen, 33001, netip.AddrPort{}, 0)
	for p := range 50 {
		w.add(sock.TimeWait, 33001, netip.AddrPortFrom(there.Addr(), uint16(40000+p)), 0)
	}
	for p := range 50 {
		w.add(sock.TimeWait, 8080, netip.AddrPortFrom(there.Addr(), uint16(40000+p)), 0)
	}
	ns, all := w.finishAll()
	want(t, "destinations", len(all), 0)
	want(t, "in time-wait", ns.TWCount, 100)
	want(t, "of accepted ones", ns.TWServer, 100)
	want(t, "ports held", ns.PortsHeld, 1)
}

func TestListenerGone(t *testing.T) {
	w := newWorld()
	for p := range 3 {
		w.add(sock.TimeWait, 33001, netip.AddrPortFrom(there.Addr(), uint16(33050+p)), 0)
	}
	for p := range 3 { // a crawler's, though: three servers, by chance from one port
		w.add(sock.TimeWait, 33003, netip.AddrPortFrom(there.Addr(), uint16(80+p)), 0)
	}
	ns, all := w.finishAll()
	want(t, "destinations", len(all), 3)
	want(t, "of accepted ones", ns.TWServer, 3)
	want(t, "bound", ns.BoundPorts, 1)
}

// TestPeers is one who dials many ports that a client would have, once each, from ports that chance takes twice.
func TestPeers(t *testing.T) {
	tests := []struct{ ports, peers, most int }{{28232, 900, 4}, {1000, 250, 6}}
	for _, tt := range tests {
		w := newWorld()
		w.ns.First, w.ns.Last = 32768, 32767+tt.ports
		for p := range tt.peers {
			from := 32768 + 2*p
			if p < tt.most {
				from = 32768
			}
			w.add(sock.Established, from, netip.AddrPortFrom(there.Addr(), uint16(32768+p)), 0)
		}
		ns, all := w.finishAll()
		want(t, "bound", ns.BoundPorts, 0)
		want(t, "destinations", len(all)+ns.LeftOut, tt.peers)
	}
}

// TestPeersBehindBoundPorts is port-facts 2: connect goes on from a port that is bound to the next, so that the
// first one after many of them is taken often.
func TestPeersBehindBoundPorts(t *testing.T) {
	w := newWorld()
	for p := 33050; p < 33100; p += 2 {
		w.add(sock.Bound, p, netip.AddrPort{}, 0)
	}
	for p := range 20 {
		from := 33000
		if p%2 == 0 {
			from += 2 * p
		}
		w.add(sock.Established, from, netip.AddrPortFrom(there.Addr(), uint16(33000+p)), 0)
	}
	ns, all := w.finishAll()
	want(t, "bound", ns.BoundPorts, 25)
	want(t, "destinations", len(all), 20)
}

// TestRangeMoved is TIME_WAITs outside of the range: those of one port are a server's, and others a client's.
func TestRangeMoved(t *testing.T) {
	w := newWorld()
	for p := range 50 {
		w.add(sock.TimeWait, 40000+p, there, 0)
		w.add(sock.TimeWait, 8080, netip.AddrPortFrom(there.Addr(), uint16(40000+p)), 0)
	}
	ns, _ := w.finishAll()
	want(t, "in time-wait", ns.TWCount, 100)
	want(t, "of accepted ones", ns.TWServer, 50)
}

// TestNotAcceptedYet is a socket that the peer closed before the server took it: it has no owner, and needs none.
func TestNotAcceptedYet(t *testing.T) {
	tally := NewTally(newWorld().ns, new(PortSet))
	tally.Add(sock.Socket{State: sock.Listen, Local: netip.AddrPortFrom(here, 8080), Inode: 1})
	for _, inode := range []uint32{0, 2} {
		tally.Add(sock.Socket{State: sock.CloseWait, Local: netip.AddrPortFrom(here, 8080), Remote: there, Inode: inode})
	}
	want(t, "live", len(tally.Live()), 2)
}

// TestBoundByDialers is port-facts 2: of 1,000 ports, 500 that were bound leave 500 to another destination.
func TestBoundByDialers(t *testing.T) {
	w := newWorld()
	for p := 33001; p < 33100; p += 2 {
		w.add(sock.Established, p, there, 0)
		w.bound[uint16(p)] = true
	}
	w.add(sock.Established, 33000, other, 0)
	ns, d := w.finish(there)
	want(t, "bound ports", ns.BoundPorts, 50)
	want(t, "of dialers", ns.BoundByDialers, 50)
	want(t, "own budget", d.Budget, 100)
	want(t, "own free", d.Free, 50)
	want(t, "own bound", d.Bound, 50)
	_, o := w.finish(other)
	want(t, "another's budget", o.Budget, 50)
	want(t, "another's free", o.Free, 49)
	want(t, "another's free in the first half", o.FirstHalfFree, 49)
}

func TestPastTheCliff(t *testing.T) {
	w := newWorld()
	for p := 33000; p < 33100; p += 2 {
		w.add(sock.TimeWait, p, there, 10*time.Second)
	}
	_, d := w.finish(there)
	want(t, "free in the first half", d.FirstHalfFree, 0)
	want(t, "free", d.Free, 50)
	want(t, "connect", d.ConnectCost, 15*time.Microsecond+50*170*time.Nanosecond)
}

func TestReuse(t *testing.T) {
	local := netip.MustParseAddrPort("127.0.0.1:8080")
	tests := []struct {
		name       string
		reuse      int
		timestamps bool
		to         netip.AddrPort
		want       int
	}{
		{"loopback, by default", 2, true, local, 60},
		{"elsewhere, by default", 2, true, there, 0},
		{"elsewhere, always", 1, true, there, 60},
		{"loopback, never", 0, true, local, 0},
		{"without timestamps", 1, false, local, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.ns.TWReuse, w.ns.Timestamps = tt.reuse, tt.timestamps
			for p := range 80 {
				left := 30 * time.Second
				if p < 20 {
					left = 59500 * time.Millisecond // too young to be taken again
				}
				w.add(sock.TimeWait, 33000+p, tt.to, left)
			}
			_, d := w.finish(tt.to)
			want(t, "reusable", d.Reusable, tt.want)
			want(t, "free", d.Free, 20+tt.want)
			wall := 100.0 / 60
			if tt.want > 0 {
				wall = 100
			}
			want(t, "wall", d.Wall, wall)
		})
	}
}

func TestRateOfABeginning(t *testing.T) {
	w := newWorld()
	for p := range 30 { // 10 a second since three seconds
		w.add(sock.TimeWait, 33000+p, there, time.Minute-time.Duration(p)*100*time.Millisecond)
	}
	_, d := w.finish(there)
	if d.Rate < 10 || d.Rate > 10.5 {
		t.Errorf("rate %v, want 10", d.Rate)
	}
	if d.ExhaustedIn < 6*time.Second || d.ExhaustedIn > 8*time.Second {
		t.Errorf("exhausted in %v, want 7 s", d.ExhaustedIn)
	}
}

func TestCrawler(t *testing.T) {
	w := newWorld()
	for i := range maxDestinations + 1 {
		w.add(sock.TimeWait, 33000+i%100, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i / 256), byte(i)}), 80), 0)
	}
	for p := range 50 {
		w.add(sock.TimeWait, 33000+p, there, 0)
	}
	ns, all := w.finishAll()
	want(t, "left out", ns.LeftOut, maxDestinations+1)
	want(t, "told of", len(all), 1)
	want(t, "the full one", all[0].Destination, there)
}

func TestNoAges(t *testing.T) {
	w := newWorld()
	w.ns.NoAges, w.ns.TimeWait = true, 30*time.Second
	for p := range 60 {
		w.add(sock.TimeWait, 33000+p, there, 0)
	}
	_, d := w.finish(there)
	want(t, "rate", d.Rate, 2.0)
	want(t, "wall", d.Wall, 100.0/30)
	want(t, "closed", d.Closed, [Steps]float64{})
	want(t, "exhausted in", d.ExhaustedIn, never)
	w.ns.TimeWait = 0
	_, d = w.finish(there)
	want(t, "rate of an unknown time", d.Rate, 0)
	want(t, "free", d.Free, 40)
}

func TestInfo(t *testing.T) {
	w := newWorld()
	tally := NewTally(w.ns, &w.reserved)
	for p := range 10 {
		s := sock.Socket{
			State: sock.Established, Local: netip.AddrPortFrom(here, uint16(33000+p)), Remote: there,
			Info: true, Sent: uint32(p), Received: 1,
			LastSent: time.Duration(p)*10*time.Second + time.Second, LastReceived: time.Duration(p) * 10 * time.Second,
		}
		tally.Add(s)
	}
	_, all, _ := tally.Finish(Estimated, nil)
	d := all[0]
	want(t, "oldest idle", d.OldestIdle, 90*time.Second)
	want(t, "idle", d.Idle, 9)
	want(t, "once", d.Once, 6) // all that sent six segments at most, but the one that may be at work
	want(t, "opened just now", d.Opened[Steps-1], 0.2)
	want(t, "opened 10 s ago", d.Opened[Steps-3], 0.2)
}

// TestOnce is what a leak looks like, and what only looks like one.
func TestOnce(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name                   string
		sent, received         uint32
		lastSent, lastReceived time.Duration
		once, opened           int
	}{
		{"a request, answered", 1, 3, 12 * s, 12 * s, 1, 1},
		{"in two segments, over TLS", 5, 9, 12 * s, 11 * s, 1, 1},
		{"never used", 0, 0, 12 * s, 12 * s, 1, 1},
		{"answered just now", 1, 1, 1 * s, 1 * s, 0, 1},
		{"a stream", 1, 40, 50 * s, 8 * s, 0, 0},
		{"a stream that is at work", 1, 40, 50 * s, 1 * s, 0, 0},
		{"a long poll", 1, 0, 30 * s, 30 * s, 0, 0},
		{"a pool's", 40, 40, 12 * s, 12 * s, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.sockets = []sock.Socket{{
				State: sock.Established, Local: netip.AddrPortFrom(here, 33000), Remote: there, Info: true,
				Sent: tt.sent, Received: tt.received, LastSent: tt.lastSent, LastReceived: tt.lastReceived,
			}}
			_, d := w.finish(there)
			opened := 0.0
			for _, n := range d.Opened {
				opened += n * StepTime.Seconds()
			}
			want(t, "once", d.Once, tt.once)
			want(t, "opened", opened, float64(tt.opened))
		})
	}
}

// TestTallyProperties are what must hold whatever the sockets are.
func TestTallyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.ns.TWReuse = rapid.IntRange(0, 2).Draw(t, "reuse")
		type tuple struct {
			port int
			to   netip.AddrPort
		}
		seen := map[tuple]bool{}
		owner := map[int]bool{} // ports that bind or listen took: the kernel lets nobody else have them
		for range rapid.IntRange(0, 150).Draw(t, "sockets") {
			p := rapid.IntRange(32990, 33110).Draw(t, "port")
			to := rapid.SampledFrom([]netip.AddrPort{there, other, netip.MustParseAddrPort("[::1]:80")}).Draw(t, "to")
			state := rapid.SampledFrom([]sock.State{sock.Established, sock.TimeWait, sock.CloseWait, sock.SynSent}).Draw(t, "state")
			if seen[tuple{p, to}] {
				continue
			}
			seen[tuple{p, to}] = true
			w.add(state, p, to, time.Duration(rapid.IntRange(0, 60000).Draw(t, "left"))*time.Millisecond)
		}
		held := map[int]bool{}
		for s := range seen {
			held[s.port] = true
		}
		var first []sock.Socket
		for range rapid.IntRange(0, 20).Draw(t, "bound") {
			p := rapid.IntRange(33000, 33099).Draw(t, "bound port")
			if !held[p] && !owner[p] {
				owner[p] = true
				first = append(first, sock.Socket{State: sock.Bound, Local: netip.AddrPortFrom(here, uint16(p))})
			}
		}
		w.sockets = append(first, w.sockets...)
		ns, all := w.finishAll()
		for _, d := range all {
			sum := 0
			for _, n := range d.States {
				sum += n
			}
			closed := 0.0
			for _, c := range d.Closed {
				closed += c * StepTime.Seconds()
			}
			switch {
			case d.Held != sum:
				t.Fatalf("held %d, states %v", d.Held, d.States)
			case d.Held > d.Budget:
				t.Fatalf("held %d of %d", d.Held, d.Budget)
			case d.Free != d.Budget-d.Held+d.Reusable:
				t.Fatalf("free %d ≠ %d − %d + %d", d.Free, d.Budget, d.Held, d.Reusable)
			case d.FirstHalfFree > d.Free || d.FirstHalfFree < 0:
				t.Fatalf("%d free in the first half, %d in all", d.FirstHalfFree, d.Free)
			case int(closed+0.5) != d.States[sock.TimeWait]:
				t.Fatalf("closed %v, %d in TIME_WAIT", d.Closed, d.States[sock.TimeWait])
			case d.Reusable > d.States[sock.TimeWait]:
				t.Fatalf("%d reusable of %d", d.Reusable, d.States[sock.TimeWait])
			case d.Free == 0 && d.ExhaustedIn != 0:
				t.Fatalf("none free, and %v left", d.ExhaustedIn)
			}
		}
		if ns.BoundPorts != len(owner) {
			t.Fatalf("%d bound ports, want %d", ns.BoundPorts, len(owner))
		}
	})
}
