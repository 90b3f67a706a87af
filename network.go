package berth

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// network is how the Transport's own dialer is to use the network: fields that
// few set. Requests share one as long as they do not change; it is nil where none
// is set.
type network struct {
	resolver Resolver
	every    time.Duration // ResolveInterval
	local    []netip.Addr
	reserve  int
}

// network reads the fields.
func (t *Transport) network() *network {
	if t.Resolver == nil && t.ResolveInterval <= 0 && len(t.LocalAddrs) == 0 && t.PortReserve <= 0 {
		return nil
	}
	n := &network{t.Resolver, t.ResolveInterval, t.LocalAddrs, t.PortReserve}
	if same := t.net.Load(); same != nil && same.equal(n) {
		return same
	}
	n.local = slices.Clone(n.local)
	for i, a := range n.local {
		n.local[i] = a.Unmap()
	}
	if n.reserve > 0 && t.ledger.rangeSeen() == 0 {
		t.ledger.sawRange(portRange())
	}
	t.net.Store(n)
	return n
}

func (n *network) equal(o *network) bool {
	return n.every == o.every && n.reserve == o.reserve && sameResolver(n.resolver, o.resolver) &&
		slices.EqualFunc(n.local, o.local, func(a, b netip.Addr) bool { return a == b.Unmap() })
}

// sameResolver holds those for different that can't be compared.
func sameResolver(a, b Resolver) bool {
	if a == nil || b == nil {
		return a == b
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// interval is ResolveInterval, or zero.
func (n *network) interval() time.Duration {
	if n == nil {
		return 0
	}
	return max(0, n.every)
}

// checkLocal is the error for LocalAddrs that are no addresses of one machine.
func checkLocal(addrs []netip.Addr) error {
	for _, a := range addrs {
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
			return fmt.Errorf("berth: LocalAddrs has %v, which is not an address to dial from", a)
		}
	}
	return nil
}
