package diagnose

import (
	"cmp"
	"slices"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// A rule looks at one network namespace and says what it finds. It fills in what is its own of a Finding; Run
// adds the code, the mode and the namespace.
type rule struct {
	code  string
	mode  Mode
	check func(*scene) []Finding
}

// rules are all there are. Their order is that of findings of the same level: causes before what they cause.
var rules = []rule{
	{"time-wait-exhaustion", PerDestination, timeWaitExhaustion},
	{"bound-ports", Global, boundPorts},
	{"connection-leak", Leak, connectionLeak},
	{"close-wait-leak", Leak, closeWaitLeak},
	{"reserved-ports", Global, reservedPorts},
	{"narrow-range", Global, narrowRange},
	{"past-the-cliff", PerDestination, pastTheCliff},
	{"conntrack-full", Elsewhere, conntrackFull},
	{"nat-suspected", Elsewhere, natSuspected},
	{"tw-bucket-overflow", Global, twBucketOverflow},
	{"server-side-time-wait", Elsewhere, serverSideTimeWait},
}

// Codes are those of all findings that there can be.
func Codes() []string {
	codes := make([]string, len(rules))
	for i, r := range rules {
		codes[i] = r.code
	}
	return codes
}

// A scene is what a rule sees: a namespace, the destinations that are connected to from there, and the
// services that are listened for.
type scene struct {
	*ports.Namespace
	services     []*ports.Service
	destinations []*ports.Destination
}

// Run returns what follows from the table, the worst first. A machine that is well has no findings.
func Run(t *ports.Table) []Finding {
	var all []Finding
	for i := range t.Namespaces {
		s := newScene(t, &t.Namespaces[i])
		for _, r := range rules {
			for _, f := range r.check(s) {
				f.Code, f.Mode, f.Namespace = r.code, r.mode, s.Name
				all = append(all, f)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(b.Level, a.Level) })
	return all
}

func newScene(t *ports.Table, n *ports.Namespace) *scene {
	s := &scene{Namespace: n}
	for i := range t.Destinations {
		if d := &t.Destinations[i]; d.Namespace == n.Name {
			s.destinations = append(s.destinations, d)
		}
	}
	for i := range t.Services {
		if v := &t.Services[i]; v.Namespace == n.Name {
			s.services = append(s.services, v)
		}
	}
	return s
}

// each makes a finding for every destination that the rule has one for.
func (s *scene) each(find func(*ports.Destination) (Finding, bool)) (all []Finding) {
	for _, d := range s.destinations {
		if f, ok := find(d); ok {
			f.Source, f.Destination = d.Source, d.Destination
			all = append(all, f)
		}
	}
	return all
}
