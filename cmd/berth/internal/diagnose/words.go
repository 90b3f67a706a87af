package diagnose

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// Count writes a number as people read it: 28,232.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural is a count of things: 1 port, 28,232 ports.
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Count(n) + " " + noun
}

// Percent is a share in whole percent: 71 %. It says 100 only of all.
func Percent(p float64) string {
	whole := math.Round(p)
	if p < 100 {
		whole = min(whole, 99)
	}
	return strconv.Itoa(int(whole)) + " %"
}

// PerSecond is a rate with the precision that it deserves: 600, 4.5. A wall of 470.5 is one of 470.
func PerSecond(r float64) string {
	if r >= 10 {
		return Count(int(r))
	}
	return strconv.FormatFloat(math.Round(r*10)/10, 'f', -1, 64)
}

// About is a time to come, rounded: 20 s, 3 min.
func About(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	}
	if d < 2*time.Hour {
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Round(time.Hour).Hours()))
}

// Millis is what a connect costs: 2.4 ms, 15 us.
func Millis(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%d us", d.Microseconds())
	}
	return strconv.FormatFloat(math.Round(d.Seconds()*1e4)/10, 'f', -1, 64) + " ms"
}

func pair(d *ports.Destination) string {
	return fmt.Sprintf("from %s to %s", d.Source, d.Destination)
}

// Fullness says how much of its ports a destination has used, and until when there are some.
func Fullness(d *ports.Destination) string {
	switch {
	case d.Free <= 0:
		return "no port left"
	case runsOut(d):
		return fmt.Sprintf("%s of its ports held, none left in about %s", Percent(UsedPercent(d)), About(d.ExhaustedIn))
	}
	return Percent(UsedPercent(d)) + " of its ports held"
}
