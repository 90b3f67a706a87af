package diagnose

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// What Linux gives when nobody changes it, and from how few ports on a range is narrow.
const (
	defaultRange = 60999 - 32768 + 1
	narrow       = defaultRange / 2
)

func (s *scene) widen() string {
	return "widen the range: " + s.run(`sysctl -w net.ipv4.ip_local_port_range="32768 60999"`)
}

// narrowRange finds that a range is what makes ports scarce: somebody narrowed it, and what is in use would
// not be half of the kernel's own. Where a program wastes ports, that is the finding, and the range is a line
// of its advice.
func narrowRange(s *scene) []Finding {
	d := s.scarce()
	if !s.isNarrow() || d == nil || 2*d.Held > defaultRange {
		return nil
	}
	return []Finding{{
		Level:   LevelOf(d),
		What:    fmt.Sprintf("the range has only %s, and %s", Plural(s.Last-s.First+1, "port"), scarcity(d)),
		Because: fmt.Sprintf("net.ipv4.ip_local_port_range is %d %d, and Linux has 32768 60999 by default, with %s", s.First, s.Last, Count(defaultRange)),
		Do:      []string{s.widen()},
	}}
}

func (s *scene) isNarrow() bool { return s.Last-s.First+1 < narrow }

// scarce is the fullest destination that runs out of ports without anybody's fault, or nil.
func (s *scene) scarce() *ports.Destination {
	var worst *ports.Destination
	for _, d := range s.destinations {
		if LevelOf(d) > OK && !s.explained(d) && (worst == nil || UsedPercent(d) > UsedPercent(worst)) {
			worst = d
		}
	}
	return worst
}

func scarcity(d *ports.Destination) string {
	return fmt.Sprintf("%s has %s", d.Destination, Fullness(d))
}

// tooFew reports whether the settings of the namespace explain why ports are scarce.
func (s *scene) tooFew() bool {
	return len(narrowRange(s)) > 0 || len(reservedPorts(s)) > 0
}
