package ports

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestForecastOfTheIssue is its example: 600 a second for 5 s after a rise from 180, 8,281 ports left.
func TestForecastOfTheIssue(t *testing.T) {
	var ages [60]counter
	for i, rate := range []counter{600, 540, 480, 420, 360, 300, 240, 180, 180, 180, 180, 180} {
		for s := range 5 {
			ages[5*i+s] = rate
		}
	}
	got := forecast(28232, 19951, trend{rate: 600}, &ages)
	if got < 19*time.Second || got > 21*time.Second {
		t.Errorf("%v, want about 20 s", got)
	}
}

func TestForecastLimits(t *testing.T) {
	var none [60]counter
	if got := forecast(100, 100, trend{rate: 0}, &none); got != 0 {
		t.Errorf("full: %v, want 0", got)
	}
	if got := forecast(0, 0, trend{rate: 0}, &none); got != 0 {
		t.Errorf("no budget at all: %v, want 0", got)
	}
	if got := forecast(28232, 0, trend{rate: 470}, &none); got >= 0 {
		t.Errorf("just below the wall: %v, want never", got)
	}
	if got := forecast(28232, 0, trend{rate: 471}, &none); got < 59*time.Second || got > time.Minute {
		t.Errorf("just above the wall: %v, want the end of the minute", got)
	}
	if got := forecast(1000, 400, trend{rate: 0}, &none); got >= 0 {
		t.Errorf("nothing is closed: %v, want never", got)
	}
}

// TestForecastSimulated holds the forecast against the ports themselves: one queue, each closed connection
// leaves after a minute, the rate goes on.
func TestForecastSimulated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ages [60]counter
		held := rapid.IntRange(0, 500).Draw(t, "live")
		for i := range ages {
			ages[i] = counter(rapid.Uint16Range(0, 40).Draw(t, "closed"))
			held += int(ages[i])
		}
		budget := held + rapid.IntRange(0, 2000).Draw(t, "free")
		rate := rapid.IntRange(0, 60).Draw(t, "rate")
		got, want := forecast(budget, held, trend{rate: float64(rate)}, &ages), simulate(budget, held, rate, ages)
		if (got < 0) != (want < 0) || got >= 0 && (got-want).Abs() > time.Second {
			t.Fatalf("forecast %v, the ports say %v", got, want)
		}
	})
}

func simulate(budget, held, rate int, ages [60]counter) time.Duration {
	for s := range 600 {
		if held >= budget {
			return time.Duration(s) * time.Second
		}
		held += rate - int(ages[59])
		copy(ages[1:], ages[:59])
		ages[0] = counter(rate)
	}
	return never
}
