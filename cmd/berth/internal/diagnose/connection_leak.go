package diagnose

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// connectionLeak finds connections that were opened, used once or not, and left open.
//
// Each tells when it was used last, and so one look sees those that were used once grow, for as long as a
// minute. A pool after a burst looks the same but for that: it opened them all at once. So connections that did
// not grow must be many, and do no work, to be a leak.
func connectionLeak(s *scene) []Finding {
	return s.each(func(d *ports.Destination) (Finding, bool) {
		if !leaks(d) {
			return Finding{}, false
		}
		hit := hits(d, sock.Established)
		return Finding{
			Level:   max(hit.level(), LevelOf(d)),
			What:    fmt.Sprintf("connections %s are opened and left open: %s", pair(d), hit),
			Because: leakFacts(d),
			Do:      []string{CloseWhatYouOpen, findCall(d)},
		}, true
	})
}

// CloseWhatYouOpen is what cures it in any language.
const CloseWhatYouOpen = "make one client when the program starts and share it; where a client is made for each call, close it and the response body"

// A leak is a leak of so many connections only: a pool after a burst looks the same and is no fault.
const (
	leakLeast    = 20 // connections
	leakGrowPart = 5  // percent of what they will hit, if they grow
	leakOncePart = 25 // likewise, if they were used once
	leakIdlePart = 50 // likewise, if we know no more than that they are idle
	leakMost     = 90 // percent of the live connections that are so
	leakRest     = 50 // percent of the live connections that have gone idle, or were used once
	leakGrowTime = 6  // steps of the last minute in which some were opened
)

func leaks(d *ports.Destination) bool {
	live := d.States[sock.Established]
	if live < leakLeast {
		return false
	}
	share := hits(d, sock.Established).percent
	switch {
	case usedOnce(d) && grows(d):
		return share >= leakGrowPart
	case usedOnce(d):
		return share >= leakOncePart && rests(d)
	}
	return percent(d.Idle, live) >= leakMost && share >= leakIdlePart
}

// usedOnce reports whether the connections were used once. Where they grow, the newest may be at it still.
func usedOnce(d *ports.Destination) bool {
	live := d.States[sock.Established]
	if percent(d.Once, live) >= leakMost {
		return true
	}
	added := int(d.Opened[ports.Steps-1] * ports.StepTime.Seconds())
	return grows(d) && percent(d.Once, live) >= leakRest && percent(d.Once+added, live) >= leakMost
}

// rests reports whether the connections have done nothing for a while. First requests that are on their way look
// like a leak but for that.
func rests(d *ports.Destination) bool {
	return percent(d.Idle, d.States[sock.Established]) >= leakRest
}

// grows reports whether connections that are used once were opened all along, and not in one burst.
func grows(d *ports.Destination) bool {
	steps := 0
	for _, opened := range d.Opened {
		if opened > 0 {
			steps++
		}
	}
	return steps >= leakGrowTime
}

func leakFacts(d *ports.Destination) string {
	live := d.States[sock.Established]
	facts := fmt.Sprintf("of %s that are established, ", Plural(live, "connection"))
	if usedOnce(d) {
		facts += fmt.Sprintf("%s have carried one request or none", Count(d.Once))
	} else {
		facts += fmt.Sprintf("%s have carried nothing for %s or more", Count(d.Idle), About(ports.IdleAfter))
	}
	if grows(d) {
		facts += fmt.Sprintf("; in the last 5 s %s a second were added", PerSecond(d.Opened[ports.Steps-1]))
	}
	if d.OldestIdle > ports.IdleAfter {
		facts += ", and one has been idle for " + About(d.OldestIdle)
	}
	return facts
}
