package diagnose

import (
	"slices"
	"strings"
	"testing"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// TestCommandsOfANamespace: what is to be typed names the namespace that it is for.
func TestCommandsOfANamespace(t *testing.T) {
	tests := []struct{ name, enter, flag string }{
		{"", "", ""},
		{"blue", "ip netns exec blue ", " --namespace blue"},
		{"pid 4121", "nsenter -t 4121 -n ", " --namespace 4121"},
		{"it's; a name", `ip netns exec 'it'\''s; a name' `, ` --namespace 'it'\''s; a name'`},
	}
	for _, tt := range tests {
		named := func(n *ports.Namespace) { n.Name = tt.name }
		elsewhere := func(d *ports.Destination) { d.Namespace = tt.name }
		for want, m := range map[string]*machine{
			"to gain time: " + tt.enter + "sysctl -w net.ipv4.tcp_tw_reuse=1 (":                  newMachine(named).with(states{sock.TimeWait: 28232}, elsewhere),
			"widen the range: " + tt.enter + "sysctl -w net.ipv4.ip_local_port_range=":           newMachine(named, portRange(33000, 33999)).with(states{sock.Established: 700}, elsewhere),
			"look at what is reserved: " + tt.enter + "sysctl net.ipv4.ip_local_reserved_ports":  newMachine(named, func(n *ports.Namespace) { n.Reserved = 28232 }),
			"or " + tt.enter + "sysctl -w net.ipv4.tcp_max_tw_buckets=200":                       newMachine(named, func(n *ports.Namespace) { n.TWBuckets, n.TWCount, n.TWOverflow = 100, 100, 1 }),
			"see what fills it: " + tt.enter + "conntrack -S, " + tt.enter + "conntrack -L":      newMachine(named, tracked(85, 100)),
			"see whether the server is reached at all: " + tt.enter + "ss -tnoi":                 newMachine(named).with(states{sock.SynSent: 40}, silent(38), elsewhere),
			"measure what a connect costs here: berth check --calibrate 10.0.3.7:8080" + tt.flag: newMachine(named).with(states{sock.Established: 16000}, elsewhere),
		} {
			if !says(Run(&m.Table), want) {
				t.Errorf("%q: no finding says %q: %+v", tt.name, want, Run(&m.Table))
			}
		}
	}
}

// says reports whether a finding has advice with such a beginning.
func says(findings []Finding, prefix string) bool {
	for _, f := range findings {
		if slices.ContainsFunc(f.Do, func(do string) bool { return strings.HasPrefix(do, prefix) }) {
			return true
		}
	}
	return false
}
