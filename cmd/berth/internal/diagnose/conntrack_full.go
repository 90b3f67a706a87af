package diagnose

import "fmt"

// conntrackFull finds the machine's connection tracking near its end, where new connections are dropped
// whatever ports there are.
func conntrackFull(s *scene) []Finding {
	used := percent(s.Conntrack, s.ConntrackMax)
	if used < trackedSlow {
		return nil
	}
	f := Finding{
		Level:   Slow,
		What:    fmt.Sprintf("connection tracking is %s full", Percent(used)),
		Because: fmt.Sprintf("%s of %s entries are used; when there is none, new connections are dropped: connect hangs, or fails with EPERM", Count(s.Conntrack), Count(s.ConntrackMax)),
		Do: []string{
			// That limit is the machine's, and read-only in any other namespace.
			fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d", 2*s.ConntrackMax),
			"see what fills it: " + s.run("conntrack -S") + ", " + s.run("conntrack -L"),
		},
	}
	switch {
	case used >= 100:
		f.Level = Exhausted
	case used >= criticalPercent:
		f.Level = Critical
	}
	return []Finding{f}
}

// trackedSlow is when a table becomes worth a word, in percent. Half of it costs nothing: it is a hash.
const trackedSlow = 80
