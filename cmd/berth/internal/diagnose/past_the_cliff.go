package diagnose

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// pastTheCliff finds a destination where connect has become dear, and where nothing worse says why.
//
// Linux tries the ports of one parity first. Once those are used up, every connect walks all of them in vain:
// its cost jumps from microseconds to milliseconds, long before the ports run out.
func pastTheCliff(s *scene) []Finding {
	return s.each(func(d *ports.Destination) (Finding, bool) {
		if LevelOf(d) == OK || s.explained(d) || s.tooFew() {
			return Finding{}, false
		}
		return Finding{
			Level:   Slow,
			What:    fmt.Sprintf("more than half of the ports %s are in use: %s", pair(d), cost(d)),
			Because: cliffFacts(d),
			Do:      cliffDo(d),
		}, true
	})
}

// explained reports whether another finding says what uses up the ports of d.
func (s *scene) explained(d *ports.Destination) bool {
	return wastes(d) || leaks(d) || closeWaits(d) || s.bound()
}

func cost(d *ports.Destination) string {
	switch {
	case d.FirstHalfFree > 0:
		return fmt.Sprintf("each connect gets dear once the first half is gone, %s from now", Plural(d.FirstHalfFree, "port"))
	case d.ConnectCostMeasured:
		return fmt.Sprintf("each connect costs %s of CPU, as measured", Millis(d.ConnectCost))
	}
	return fmt.Sprintf("each connect costs about %s of CPU", Millis(d.ConnectCost))
}

func cliffFacts(d *ports.Destination) string {
	facts := fmt.Sprintf("%s of %s are held, %s of them in TIME_WAIT",
		Count(d.Held), Plural(d.Budget, "port"), Count(d.States[sock.TimeWait]))
	if d.FirstHalfFree == 0 {
		facts += ", and the half that connect tries first is used up"
	}
	if d.Rate > d.Cliff && d.Cliff > 0 {
		facts += fmt.Sprintf("; this side closes %s connections a second, and half of the ports is gone above %s", PerSecond(d.Rate), PerSecond(d.Cliff))
	}
	return facts
}

func cliffDo(d *ports.Destination) []string {
	if 2*d.States[sock.TimeWait] >= d.Held {
		return []string{ShareOneClient, "measure what a connect costs here: berth check --calibrate " + d.Destination.String()}
	}
	return []string{
		"spread the connections over more addresses: each source address and each destination address has ports of its own",
		"measure what a connect costs here: berth check --calibrate " + d.Destination.String(),
	}
}
