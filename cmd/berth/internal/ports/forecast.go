package ports

import (
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// never is a forecast of no exhaustion.
const never time.Duration = -1

// horizon is how far a forecast looks: what the last minute tells does not hold for longer.
const horizon = time.Hour

// forecast is how long the budget lasts if this side goes on as the trend says: each second adds what it closes,
// and gives back the ports of those that were closed a minute before. After a minute as many come back as are
// taken; what leaks goes on, since it never returns.
func forecast(budget, held int, tr trend, ages *[60]counter) time.Duration {
	used := float64(held)
	if held >= budget {
		return 0
	}
	for s := range ages {
		grows := tr.at(s) + tr.leak - float64(ages[len(ages)-1-s])
		if grows > 0 && used+grows >= float64(budget) {
			return seconds(float64(s) + (float64(budget)-used)/grows)
		}
		used += grows
	}
	return leaksAway(float64(budget)-used, tr.leak, time.Minute)
}

// leaksAway is when so many free ports have leaked away, if that begins after a time.
func leaksAway(free, leak float64, after time.Duration) time.Duration {
	if leak <= 0 || free/leak > horizon.Seconds() {
		return never
	}
	return after + seconds(free/leak)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// steady is the forecast where a port in TIME_WAIT is lent again after a short time: there is either enough for
// what is closed in that time, or not.
func steady(d *Destination, leak float64, goneFor time.Duration) time.Duration {
	live := d.Held - d.States[sock.TimeWait]
	spare := float64(d.Budget-live) - d.Rate*goneFor.Seconds()
	switch {
	case d.Free <= 0:
		return 0
	case spare > 0:
		return leaksAway(spare, leak, 0)
	}
	return min(goneFor, seconds(float64(d.Free)/d.Rate))
}
