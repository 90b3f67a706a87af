package ports

import (
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// never is a forecast of no exhaustion.
const never time.Duration = -1

// forecast is how long the budget lasts if this side goes on to close so many connections a second: each second
// adds those, and gives back the ports of those that were closed a minute before. After a minute as many come
// back as are taken: what has not happened by then will not.
func forecast(budget, held int, rate float64, ages *[60]counter) time.Duration {
	used := float64(held)
	if held >= budget {
		return 0
	}
	for s := range ages {
		grows := rate - float64(ages[len(ages)-1-s])
		if grows > 0 && used+grows >= float64(budget) {
			return time.Duration((float64(s) + (float64(budget)-used)/grows) * float64(time.Second))
		}
		used += grows
	}
	return never
}

// steady is the forecast where a port in TIME_WAIT is lent again after a short time: there is either enough for
// what is closed in that time, or not.
func steady(d *Destination, goneFor time.Duration) time.Duration {
	live := d.Held - d.States[sock.TimeWait]
	switch {
	case d.Free <= 0:
		return 0
	case float64(live)+d.Rate*goneFor.Seconds() < float64(d.Budget):
		return never
	}
	return min(goneFor, time.Duration(float64(d.Free)/d.Rate*float64(time.Second)))
}
