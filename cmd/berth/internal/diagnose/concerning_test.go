package diagnose

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// TestConcerning: who asks for one destination hears of others only what is its own trouble too.
func TestConcerning(t *testing.T) {
	well := func(d *ports.Destination) { d.Destination = netip.MustParseAddrPort("10.0.9.2:5432") }
	tests := []struct {
		name string
		on   *machine
		want string // of the one that is well
	}{
		{"exhaustion", newMachine().with(states{sock.TimeWait: 28232}, rate(500, 0)), ""},
		{"narrow", newMachine(portRange(33000, 33999)).with(states{sock.Established: 700}), ""},
		{"reserved", newMachine(func(n *ports.Namespace) { n.Reserved = 20000 }).with(states{sock.Established: 5000}), ""},
		{"reserved, all", newMachine(func(n *ports.Namespace) { n.Reserved = 28232 }).with(states{sock.Established: 50}), "reserved-ports exhausted"},
		{"a service", newMachine().serving(states{sock.CloseWait: 300}, 1024), ""},
		{"harmless", newMachine(func(n *ports.Namespace) { n.TWCount, n.TWServer = 9000, 9000 }), ""},
		{"bound", newMachine(func(n *ports.Namespace) { n.BoundPorts, n.BoundByDialers = 20000, 20000 }).with(states{sock.Established: 8000}), "bound-ports slow"},
		{"tracked", newMachine(tracked(95, 100)), "conntrack-full critical"},
		{"buckets", newMachine(func(n *ports.Namespace) { n.TWBuckets, n.TWCount, n.TWOverflow = 100, 100, 4900 }), "tw-bucket-overflow slow"},
	}
	for _, tt := range tests {
		if len(Run(&tt.on.Table)) == 0 {
			t.Errorf("%s: nothing is found at all", tt.name)
		}
		tt.on.with(states{sock.Established: 12}, well, func(d *ports.Destination) { d.Free = max(d.Free, 1000); d.Budget = d.Free + 12 })
		other := ports.Namespace{Name: "blue", Conntrack: 100, ConntrackMax: 100}
		tt.on.Namespaces = append(tt.on.Namespaces, other)
		var got []string
		for _, f := range Concerning(&tt.on.Table, func(d *ports.Destination) bool { return d.Destination.Port() == 5432 }) {
			got = append(got, f.Code+" "+f.Level.String())
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, s, tt.want)
		}
	}
}
