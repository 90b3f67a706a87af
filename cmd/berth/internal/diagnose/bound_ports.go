package diagnose

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// boundPorts finds programs that bind a socket before they connect it. Such a port is lost to every
// destination, not only to its own, and bind fails with EADDRINUSE when there is none.
func boundPorts(s *scene) []Finding {
	if !s.bound() {
		return nil
	}
	return []Finding{{
		Level:   s.boundLevel(),
		What:    fmt.Sprintf("sockets that were bound before they connected hold %s of all ports, for every destination", Percent(percent(s.BoundByDialers, s.Size()))),
		Because: fmt.Sprintf("%s of %s are held by bind without IP_BIND_ADDRESS_NO_PORT: their budget is one for all destinations, and at its end bind fails with EADDRINUSE", Count(s.BoundByDialers), Plural(s.Size(), "port")),
		Do: []string{
			"set IP_BIND_ADDRESS_NO_PORT on sockets that are given a source address, before bind: in Go, net.Dialer.Control beside LocalAddr",
			"or give no source address: the kernel picks the one that routes there",
		},
	}}
}

// bound reports whether bound sockets are what makes ports scarce.
func (s *scene) bound() bool { return s.boundShare() > OK }

func (s *scene) boundShare() Level {
	if s.Size() > 0 && s.BoundByDialers >= s.Size() {
		return Exhausted
	}
	return levelOfShare(s.BoundByDialers, s.Size())
}

// boundLevel is that of all ports, or of the destination that the bound ones are connected to, which has a
// forecast.
func (s *scene) boundLevel() Level {
	worst := s.boundShare()
	for _, d := range s.destinations {
		if s.boundOnes(d) {
			worst = max(worst, LevelOf(d))
		}
	}
	return worst
}

// boundOnes reports whether what waits in TIME_WAIT for a destination may all have been bound.
func (s *scene) boundOnes(d *ports.Destination) bool {
	return s.bound() && d.States[sock.TimeWait] <= s.BoundByDialers
}
