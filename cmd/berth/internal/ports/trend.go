package ports

import "time"

// A trend is how a destination's ports are taken, and goes on to be.
type trend struct {
	rate  float64 // closed a second, now
	slope float64 // what is added to the rate each second, for as long as it rises; never below zero
	rises int     // seconds
	leak  float64 // opened a second, and never closed
}

// at is the rate in the middle of a second to come.
func (t trend) at(second int) float64 {
	return t.rate + t.slope*min(float64(second)+0.5, float64(t.rises))
}

// mostRise bounds for how long a rise is taken to go on.
const mostRise = 30

// trend is what the last seconds tell: a line through the last ten, or five, if they are on one. A step is not,
// and after it the rate is that of the last step alone. The newest half second, or two, may be left out: what
// comes in bursts once a second may be about to, and a burst is not to be cut in two.
func (c *count) trend() trend {
	t := trend{rate: c.rate(), leak: c.leak()}
	known := int(c.oldest / halfSecond)
	for _, most := range []int{10, 5} {
		for skip := range 3 {
			n := min(most, (known-skip)/2)
			if n < 4 {
				continue
			}
			l, ok := fit(c.seconds(skip, n))
			if !ok {
				continue
			}
			if l.slope != 0 {
				t.rate = max(0, l.newest+l.slope*float64(skip)/2)
				t.slope, t.rises = max(0, l.slope), c.rises()
			}
			return t
		}
	}
	return t
}

const halfSecond = time.Second / 2

// seconds are counts of n seconds, the newest first, without so many half seconds.
func (c *count) seconds(skip, n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = int(c.halves[skip+2*i]) + int(c.halves[skip+2*i+1])
	}
	return all
}

// A line is how the counts of seconds rise.
type line struct{ newest, slope float64 } // at the end of the newest second, and each second

// fit lays a line through counts by second, the newest first. It reports false if they are not on one, give or
// take what chance does: counts vary by their root. A slope that may be chance is none.
func fit(ages []int) (l line, ok bool) {
	n := float64(len(ages))
	var sum, moment float64
	for i, k := range ages {
		sum += float64(k)
		moment += float64(k) * (n/2 - 0.5 - float64(i))
	}
	mean, spread := sum/n, n*(n*n-1)/12
	slope := moment / spread
	var all, off float64
	for i, k := range ages {
		d, x := float64(k)-mean, n/2-0.5-float64(i)
		all += d * d
		off += (d - slope*x) * (d - slope*x)
	}
	if off > 1.5*n*mean+all/20 {
		return line{}, false
	}
	if variance := max(off/(n-2), mean) / spread; slope*slope < 9*variance {
		slope = 0
	}
	return line{mean + slope*n/2, slope}, true
}

// rises is for how long, in seconds, each step of the history has closed more than the one before. What has
// just begun to rise is not taken to go on for long.
func (c *count) rises() int {
	const step = int(StepTime / time.Second)
	n := 0
	for newer := c.closed(0); n < mostRise; n += step {
		older := c.closed(n + step)
		if older >= newer {
			break
		}
		newer = older
	}
	return max(n, step)
}

// closed is how many were in the step that began at an age in seconds.
func (c *count) closed(age int) (n int) {
	for _, k := range c.ages[age:min(age+int(StepTime/time.Second), len(c.ages))] {
		n += int(k)
	}
	return n
}

// leakSteps is how long connections that are used once must have been opened at one rate, to be taken to go on.
const leakSteps = 3

// leak is the rate at which connections were opened and left, if it is steady: none of the last steps is twice
// another. What a pool opens in a burst is not.
func (c *count) leak() float64 {
	least, most, sum := c.opened[Steps-1], counter(0), 0
	for _, n := range c.opened[Steps-leakSteps:] {
		least, most, sum = min(least, n), max(most, n), sum+int(n)
	}
	if least == 0 || int(most) > 2*int(least) {
		return 0
	}
	return float64(sum) / (leakSteps * StepTime.Seconds())
}
