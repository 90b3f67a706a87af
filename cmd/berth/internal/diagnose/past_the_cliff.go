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
			Level:   LevelOf(d),
			What:    fill(d) + ": " + cost(d),
			Because: cliffFacts(d),
			Do:      cliffDo(s, d),
		}, true
	})
}

// explained reports whether another finding says what uses up the ports of d.
func (s *scene) explained(d *ports.Destination) bool {
	return wastes(d) || leaks(d) || closeWaits(d) || s.bound()
}

// fill says how full the destination is. One that fills up fast may not be past half yet.
func fill(d *ports.Destination) string {
	switch {
	case d.Free <= 0:
		return fmt.Sprintf("all ports %s are in use", pair(d))
	case UsedPercent(d) <= slowPercent:
		return fmt.Sprintf("the ports %s fill up, %s", pair(d), Fullness(d))
	}
	return fmt.Sprintf("more than half of the ports %s are in use", pair(d))
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
	if d.Rate > d.Cliff && d.Cliff > 0 && !mostlyLive(d) {
		facts += fmt.Sprintf("; this side closes %s connections a second, and half of the ports is gone above %s", PerSecond(d.Rate), PerSecond(d.Cliff))
	}
	return facts
}

// mostlyLive reports whether half of the ports or more are of connections that are in use.
func mostlyLive(d *ports.Destination) bool { return 2*d.States[sock.Established] >= d.Held }

func cliffDo(s *scene, d *ports.Destination) []string {
	do := "spread the connections over more addresses: each source address and each destination address has ports of its own"
	if 2*d.States[sock.TimeWait] >= d.Held && !mostlyLive(d) {
		do = ShareOneClient
	}
	return []string{do, "measure what a connect costs here: berth check --calibrate " + d.Destination.String() + NamespaceFlag(s.Name)}
}
