package diagnose

import (
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// Where the levels begin.
const (
	slowPercent     = 50 // from here on connect walks the ports of its first half in vain
	criticalPercent = 90
	criticalTime    = 120 * time.Second // to the end, at this trend
	leakCritical    = 80                // percent of what a leak will hit
)

// LevelOf is how close a destination is to having no port left.
func LevelOf(d *ports.Destination) Level {
	switch {
	case d.Free <= 0:
		return Exhausted
	case runsOut(d) && d.ExhaustedIn <= criticalTime:
		return Critical
	}
	return levelOfShare(d.Budget-d.Free, d.Budget)
}

// burstPercent is how much of the ports one burst of closes may leave behind without anybody's worry.
const burstPercent = 10

// runsOut reports whether there is a forecast to rely on. A pool that closes its connections when a program
// ends looks for a moment as if it went on for ever: closes of one step alone are a trend only if they are many.
func runsOut(d *ports.Destination) bool {
	steps := 0
	for _, closed := range d.Closed {
		if closed > 0 {
			steps++
		}
	}
	return d.ExhaustedIn >= 0 && (steps > 1 || UsedPercent(d) >= burstPercent)
}

// levelOfShare is the level of having used so much of a whole that is not used up.
func levelOfShare(used, whole int) Level {
	switch p := percent(used, whole); {
	case p >= criticalPercent:
		return Critical
	case p > slowPercent:
		return Slow
	}
	return OK
}

func percent(part, whole int) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// UsedPercent is how much of its ports a destination has no more use of.
func UsedPercent(d *ports.Destination) float64 { return percent(d.Budget-d.Free, d.Budget) }
