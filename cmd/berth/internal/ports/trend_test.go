package ports

import (
	"testing"
	"time"
)

// A ramp is a destination that closes so many connections a second, and each second more.
type ramp struct{ rate, slope float64 }

// closedAt counts what was closed at an age in half seconds.
func (c *count) closedAt(half int, n counter) {
	c.ages[half/2] += n
	if half < len(c.halves) {
		c.halves[half] += n
	}
}

// at is the destination after so many seconds, and how many ports it holds.
func (r ramp) at(second int) (c *count, held int) {
	c = &count{oldest: time.Duration(second) * time.Second}
	for age := range min(second, len(c.ages)) {
		n := counter(r.rate + r.slope*float64(second-1-age))
		c.closedAt(2*age, n/2)
		c.closedAt(2*age+1, n-n/2)
		held += int(c.ages[age])
	}
	return c, held
}

// TestForecastOfARamp holds the forecast against where the ramp ends: from half way on it is right by 2 s.
func TestForecastOfARamp(t *testing.T) {
	for _, r := range []ramp{{72, 12}, {60, 6}, {400, 40}, {200, 0}} {
		budget, wall := 3000, 0
		for held := 0; held < budget; {
			wall++
			_, held = r.at(wall)
		}
		for at := wall / 2; at < wall; at++ {
			c, held := r.at(at)
			got, want := forecast(budget, held, c.trend(), &c.ages), time.Duration(wall-at)*time.Second
			if (got - want).Abs() > 2*time.Second {
				t.Errorf("%+v at %d s: %v, want %v", r, at, got, want)
			}
		}
	}
}

// TestTrend is what is a rise, and what is not.
func TestTrend(t *testing.T) {
	counts := func(seconds ...counter) *count {
		c := &count{oldest: time.Minute}
		for age, n := range seconds {
			c.closedAt(2*age, n/2)
			c.closedAt(2*age+1, n-n/2)
		}
		return c
	}
	bursts := &count{oldest: time.Minute} // about a second ago, some a little more and some a little less
	for i, part := range []counter{30, 240, 100, 0, 80, 140, 10, 120, 60, 90} {
		bursts.closedAt(2*i+1, part)
		bursts.closedAt(2*i+2, counter(280-20*i)-part)
	}
	tests := []struct {
		name        string
		c           *count
		rate, slope float64
	}{
		{"even", counts(100, 103, 98, 101, 99, 95, 104, 100, 102, 97, 100), 100.2, 0},
		{"a step", counts(300, 300, 300, 100, 100, 100, 100, 100, 100, 100, 100), 220, 0},
		{"a step of five seconds", counts(300, 300, 300, 300, 300, 100, 100, 100, 100, 100, 100), 300, 0},
		{"a fall", counts(100, 120, 140, 160, 180, 200, 220, 240, 260, 280), 90, 0},
		{"a rise", counts(280, 260, 240, 220, 200, 180, 160, 140, 120, 100), 290, 20},
		{"in bursts, the next to come", counts(0, 260, 240, 220, 200, 180, 160, 140, 120, 100, 80), 290, 20},
		{"in bursts, cut in two", bursts, 300, 20},
		{"nothing", counts(), 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.c.trend()
			if (got.rate-tt.rate)*(got.rate-tt.rate) > 0.01 || (got.slope-tt.slope)*(got.slope-tt.slope) > 0.01 {
				t.Errorf("%+v, want %v a second and %v more each", got, tt.rate, tt.slope)
			}
		})
	}
}

// TestForecastOfALeak is one that closes nothing: 170 a second for the last 20 s, and 1,410 ports left.
func TestForecastOfALeak(t *testing.T) {
	c := new(count)
	for i := range 4 {
		c.opened[Steps-1-i] = 850
	}
	got := forecast(6000, 4590, c.trend(), &c.ages)
	if got < 7*time.Second || got > 9*time.Second {
		t.Errorf("%v, want about 8 s", got)
	}
	got = forecast(28232, 4590, c.trend(), &c.ages)
	if got < 138*time.Second || got > 140*time.Second {
		t.Errorf("after more than a minute: %v, want about 139 s", got)
	}
	d := Destination{Budget: 6000, Held: 4590, Free: 1410}
	if got := steady(&d, c.leak(), time.Second); got < 7*time.Second || got > 9*time.Second {
		t.Errorf("where ports in TIME_WAIT are lent: %v, want about 8 s", got)
	}
	c.opened[Steps-2] = 0
	if got := forecast(6000, 4590, c.trend(), &c.ages); got != never {
		t.Errorf("a burst: %v, want never", got)
	}
}
