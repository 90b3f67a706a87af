package berth

import "time"

// holdEstimate is how long a request keeps its connection: a mean that forgets,
// each lease that comes back weighing an eighth. The zero value knows nothing.
type holdEstimate struct {
	mean  time.Duration
	known bool
}

func (e *holdEstimate) add(d time.Duration) {
	if !e.known {
		e.mean, e.known = d, true
		return
	}
	e.mean += (d - e.mean) / 8
}

const (
	dialSamples  = 8
	dialMemory   = 60 * time.Second
	longestDefer = 250 * time.Millisecond
)

// dialEstimate is how long a dial takes: the shortest of the last successful
// ones, so that one slow handshake does not make the pool shy of dialing. A
// sample is forgotten after a minute: a long estimate suppresses the dials that
// would correct it.
type dialEstimate struct {
	took [dialSamples]time.Duration
	at   [dialSamples]time.Time
	next int
}

func (e *dialEstimate) add(d time.Duration, now time.Time) {
	e.took[e.next], e.at[e.next] = d, now
	e.next = (e.next + 1) % dialSamples
}

func (e *dialEstimate) get(now time.Time) (d time.Duration, known bool) {
	for i, at := range e.at {
		if at.IsZero() || now.Sub(at) > dialMemory {
			continue
		}
		if !known || e.took[i] < d {
			d, known = e.took[i], true
		}
	}
	return d, known
}
