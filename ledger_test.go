package berth

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

var ledgerTime = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func waysTo(reserve int, to ...string) *ways {
	w := &ways{reserve: reserve}
	for _, a := range to {
		w.to = append(w.to, netip.MustParseAddrPort(a))
	}
	return w
}

func (w *ways) via(from ...string) *ways {
	for _, a := range from {
		w.from = append(w.from, netip.MustParseAddr(a))
	}
	return w
}

// took has the ledger choose n times, and returns the destinations' hosts, or the
// local addresses where there are any.
func took(l *ledger, w *ways, n int) (names []string, berths []*berth) {
	for range n {
		b := l.take(w, ledgerTime)
		name := "none"
		switch {
		case b != nil && b.local.IsValid():
			name = b.local.String()
		case b != nil:
			name = b.of.addr.Addr().String()
		}
		names, berths = append(names, name), append(berths, b)
	}
	return names, berths
}

func wantTook(t *testing.T, l *ledger, w *ways, want ...string) []*berth {
	t.Helper()
	got, berths := took(l, w, len(want))
	if !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	return berths
}

func TestLedgerBalances(t *testing.T) {
	var l ledger
	w := waysTo(0, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
	held := wantTook(t, &l, w, "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1")
	l.release(held[2], false, ledgerTime)
	held = wantTook(t, &l, w, "10.0.0.3", "10.0.0.2", "10.0.0.3") // the fewest first, then whose turn it is
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, b := range held {
		l.connected(b, refused, ledgerTime)
		l.release(b, false, ledgerTime)
	}
	wantTook(t, &l, w, "10.0.0.1") // has more than the others, and is not down
	l.connected(held[0], nil, ledgerTime)
	wantTook(t, &l, w, "10.0.0.3")
}

// Each dial in turn, none held: round robin.
func TestLedgerRotates(t *testing.T) {
	var l ledger
	w := waysTo(0, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
	for _, want := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1"} {
		l.release(wantTook(t, &l, w, want)[0], true, ledgerTime)
	}
}

func TestLedgerKeepsToTheBestRank(t *testing.T) {
	var l ledger
	w := waysTo(0, "[2a00::1]:80", "[2a00::2]:80", "[fd00::1]:80", "[2a00::3]:80")
	wantTook(t, &l, w, "2a00::1", "2a00::2", "2a00::1", "2a00::2")
}

func TestSameRank(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"10.0.0.1", "192.0.2.7", true},
		{"10.0.0.1", "127.0.0.1", false},
		{"10.0.0.1", "2a00::1", false},
		{"2a00::1", "2606:4700::1", true},
		{"2a00::1", "2001:db8::1", true}, // Teredo is 2001::/32
		{"2a00::1", "2001::1", false},
		{"2a00::1", "2002:a00::1", false},
		{"2a00::1", "fd12::1", false},
		{"2a00::1", "fe80::1%eth0", false},
		{"fe80::2%eth0", "fe80::1%eth0", true},
		{"::1", "fe80::1", false},
	} {
		if got := sameRank(netip.MustParseAddr(tt.a), netip.MustParseAddr(tt.b)); got != tt.same {
			t.Errorf("%s and %s: %v, want %v", tt.a, tt.b, got, tt.same)
		}
	}
}

func TestLedgerDialsFromTheEmptiest(t *testing.T) {
	var l ledger
	w := waysTo(0, "10.0.0.1:80").via("10.1.0.1", "10.1.0.2", "fd00::1")
	held := wantTook(t, &l, w, "10.1.0.1", "10.1.0.2", "10.1.0.1", "10.1.0.2")
	l.release(held[0], true, ledgerTime) // its port stays, in TIME_WAIT
	l.release(held[1], false, ledgerTime)
	held = wantTook(t, &l, w, "10.1.0.2")
	l.connected(held[0], &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}, ledgerTime)
	l.release(held[0], false, ledgerTime)
	wantTook(t, &l, w, "10.1.0.1") // nobody knows who has the other's
	other := waysTo(0, "10.0.0.2:80").via("10.1.0.2", "10.1.0.1")
	wantTook(t, &l, other, "10.1.0.2") // but toward another destination it has
}

func TestLedgerReserve(t *testing.T) {
	var l ledger
	l.sawRange(5)
	w := waysTo(2, "10.0.0.1:80", "10.0.0.2:80")
	held := wantTook(t, &l, w, "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2", "none")
	l.release(held[0], true, ledgerTime)
	wantTook(t, &l, w, "none")
	if b := l.take(w, ledgerTime.Add(61*time.Second)); b == nil || b.of.addr != w.to[0] {
		t.Errorf("took %v when the port's minute was over", b)
	}
}

func TestTimeWaits(t *testing.T) {
	var w timeWaits
	now := ledgerTime
	for _, tt := range []struct {
		add  int
		then time.Duration
		want int
	}{{3, 30 * time.Second, 3}, {2, 29 * time.Second, 5}, {0, time.Second, 2}, {1, 29 * time.Second, 3}, {0, time.Second, 1}, {4, time.Hour, 0}} {
		for range tt.add {
			w.add(now)
		}
		now = now.Add(tt.then)
		if w.pass(now); w.sum != tt.want {
			t.Errorf("after %v there are %d, want %d", now.Sub(ledgerTime), w.sum, tt.want)
		}
	}
}

func TestLedgerForgets(t *testing.T) {
	var l ledger
	for i := range 100_000 {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 80)
		l.release(l.take(&ways{to: []netip.AddrPort{to}}, ledgerTime), false, ledgerTime)
	}
	if len(l.to) > 100 {
		t.Errorf("it remembers %d destinations of which none is in use", len(l.to))
	}
}

func TestNetworkIsShared(t *testing.T) {
	tr := &Transport{Resolver: net.DefaultResolver, LocalAddrs: []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}}
	first := tr.network()
	if tr.network() != first {
		t.Error("a second request has one of its own")
	}
	tr.LocalAddrs[0] = netip.MustParseAddr("127.0.0.2")
	if second := tr.network(); second == first || second.local[0] == first.local[0] {
		t.Error("a change is not seen, or changes what was read before")
	}
}

// However many there are, none is forgotten while a dial chooses among them.
func TestLedgerBalancesManyAddresses(t *testing.T) {
	var l ledger
	w := new(ways)
	for i := range byte(200) {
		w.to = append(w.to, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, i}), 80))
	}
	for range 2 * len(w.to) {
		l.take(w, ledgerTime)
	}
	for _, to := range w.to {
		if d := l.to[to]; d == nil || d.open != 2 {
			t.Fatalf("of %v it knows %+v, want 2 open", to, d)
		}
	}
}

// A local address that is gone from this machine is no fault of the destination's.
func TestLedgerTriesAnotherLocalAddress(t *testing.T) {
	var l ledger
	w := waysTo(0, "10.0.0.1:80").via("10.1.0.1", "10.1.0.2")
	held := wantTook(t, &l, w, "10.1.0.1")
	l.connected(held[0], &net.OpError{Op: "dial", Err: os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)}, ledgerTime)
	l.release(held[0], false, ledgerTime)
	wantTook(t, &l, w, "10.1.0.2", "10.1.0.2")
	if !held[0].of.down.IsZero() {
		t.Error("the destination is held to be down")
	}
}

type wrapped struct{ Resolver }

type uncomparable func()

func (uncomparable) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, nil
}

func TestResolversThatCannotBeCompared(t *testing.T) {
	r := wrapped{uncomparable(func() {})}
	if sameResolver(r, r) {
		t.Error("they are the same")
	}
}
