package ports

import (
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// A budget is what the destinations of one namespace share: the range, and what is lost of it to all of them.
type budget struct {
	ns         *Namespace
	costs      Costs
	bound      int // ports of the range that bound sockets hold
	byDialers  int // of these, by sockets that then connected
	firstHalf  int // ports that connect tries first, less those that are bound
	firstBound int // of byDialers, those in the first half
}

// add takes in that n of a destination's ports are bound.
func (b *budget) add(c *count, n int) {
	b.bound += n
	b.byDialers += n
	b.firstBound += firstOf(c, n)
}

// firstOf is how many of n bound ports are in the half that connect tries first: bind goes there last.
func firstOf(c *count, n int) int { return max(0, n-(c.total()-int(c.firstHalf))) }

// destination is all that the count amounts to, of whose ports so many are bound. Those are lost to others, but
// a part of its own budget.
func (b *budget) destination(c *count, bound int) Destination {
	held := c.total()
	d := Destination{
		Namespace:   b.ns.Name,
		Source:      c.pair.source,
		Destination: c.pair.destination,
		Budget:      max(0, b.ns.Size()-b.bound+bound),
		Held:        held,
		Reusable:    int(c.reusable),
		Bound:       bound,
		States:      map[sock.State]int{},
		OldestIdle:  c.oldestIdle,
		Idle:        int(c.idle),
		Once:        int(c.once),
		SynRetried:  int(c.retried),
	}
	first, firstReuse := int(c.firstHalf), int(c.firstReuse)
	if bound > 0 { // connect does not even look at a port that was bound
		d.Reusable, firstReuse = min(d.Reusable, held-bound), 0
	}
	d.Free = max(0, d.Budget-d.Held+d.Reusable)
	half := max(0, b.firstHalf-b.firstBound+firstOf(c, bound))
	d.FirstHalfFree = min(max(0, half-first+firstReuse), d.Free)
	for s, n := range c.states {
		if n > 0 {
			d.States[sock.State(s)] = int(n)
		}
	}
	d.ConnectCost = b.costs.connect(scan{
		half:     half,
		free:     d.FirstHalfFree,
		live:     int(c.firstLive),
		timeWait: first - int(c.firstLive),
		none:     d.Free == 0,
		other:    held - first,
	})
	d.ConnectCostMeasured = b.costs.Measured
	if b.ns.NoAges {
		b.average(&d)
	} else {
		b.history(c, &d)
	}
	return d
}

// average stands for the history where the ages are not told. TimeWait may be unknown too.
func (b *budget) average(d *Destination) {
	d.FirstHalfFree, d.ConnectCost = d.Free, 0
	d.ExhaustedIn = never
	if d.Free == 0 {
		d.ExhaustedIn = 0
	}
	if s := b.ns.TimeWait.Seconds(); s > 0 {
		d.Rate = float64(d.States[sock.TimeWait]) / s
		d.Wall = float64(d.Budget) / s
	}
}

// history is what the ages of the TIME_WAITs tell.
func (b *budget) history(c *count, d *Destination) {
	for age, n := range c.ages {
		d.Closed[Steps-1-age/int(StepTime/time.Second)] += float64(n) / StepTime.Seconds()
	}
	for i, n := range c.opened {
		d.Opened[i] = float64(n) / StepTime.Seconds()
	}
	lends := b.ns.Lends(d.Source, d.Destination.Addr()) && d.Bound == 0
	goneFor := b.ns.TimeWait
	d.Rate = c.rate()
	if lends {
		goneFor = max(b.ns.TWDelay, time.Millisecond)
		d.Rate = max(d.Rate, float64(c.ages[0])) // what was older may have been taken again
	}
	d.Wall = float64(d.Budget) / goneFor.Seconds()
	d.Cliff = d.Wall / 2
	if lends {
		d.ExhaustedIn = steady(d, c.leak(), goneFor)
	} else {
		d.ExhaustedIn = forecast(d.Budget, d.Held, c.trend(), &c.ages)
	}
}

// rate is of the last step. If nothing is older, it is of the time since it began, but of two seconds at least:
// a burst is no rate.
func (c *count) rate() float64 {
	n, step := 0, int(StepTime/time.Second)
	for _, k := range c.ages[:step] {
		n += int(k)
	}
	over := min(StepTime, max(c.oldest, 2*time.Second))
	return float64(n) / over.Seconds()
}
