package demo

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"syscall"
	"time"
)

// A Result is what came of a run. Its JSON is a contract with scripts.
type Result struct {
	Ports    int     `json:"ports"`
	Requests int     `json:"requests"`
	Callers  int     `json:"callers"`
	Phases   []Phase `json:"phases"`
}

// A Phase is what came of one client.
type Phase struct {
	Name string `json:"name"`

	// OK and Failed add up to the requests that were sent.
	OK     int `json:"ok"`
	Failed int `json:"failed"`

	// FirstError is what the first request failed with: the kernel's own words, where it was the kernel.
	FirstError string `json:"first_error"`

	// Connections were opened; TimeWait is how many ports they left in TIME_WAIT, by the kernel's count.
	Connections int `json:"connections"`
	TimeWait    int `json:"time_wait"`

	Seconds float64 `json:"seconds"`

	// RequestsPerSecond counts the requests that succeeded.
	RequestsPerSecond float64 `json:"requests_per_second"`

	// TimedOut says that time was up before all requests were sent.
	TimedOut bool `json:"timed_out"`
}

// Cured reports whether the last client, which is the cure, got every request through.
func (r *Result) Cured() bool {
	last := r.Phases[len(r.Phases)-1]
	return last.Failed == 0 && last.OK > 0
}

// WriteJSON writes the result as one line.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// setTime fills in the figures that come of how long the requests took, to a precision that means something.
func (p *Phase) setTime(d time.Duration) {
	p.Seconds = round(d.Seconds(), 1e6)
	if d > 0 {
		p.RequestsPerSecond = round(float64(p.OK)/d.Seconds(), 10)
	}
}

func round(f, to float64) float64 { return math.Round(f*to) / to }

// ranOut reports whether the first request that failed found no local port.
func (p Phase) ranOut() bool {
	return strings.HasSuffix(p.FirstError, syscall.EADDRNOTAVAIL.Error())
}
