package explain

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// Now says what the machine shows of an error at this moment: a finding that explains it, how full the
// destinations are that the log names, or that nothing of it is seen, since a log is of the past and may be of
// another machine.
func (e *Error) Now(t *ports.Table, findings []diagnose.Finding) string {
	for _, f := range findings {
		if e.fits(f) {
			return fmt.Sprintf("%s: %s", f.Code, f.What)
		}
	}
	if d := e.fullest(t); d != nil {
		return fmt.Sprintf("%s has %s", d.Destination, diagnose.Fullness(d))
	}
	if len(e.Findings) == 0 {
		return ""
	}
	return "nothing of it is seen here now: it is over, or the log is of another machine"
}

// fits reports whether a finding explains the error: by its code, and by its destination where both have one.
func (e *Error) fits(f diagnose.Finding) bool {
	for _, code := range e.Findings {
		if code == f.Code {
			return !f.Destination.IsValid() || len(e.Destinations) == 0 || e.names(f.Destination.String())
		}
	}
	return false
}

// names reports whether the log names a destination.
func (e *Error) names(destination string) bool {
	for _, d := range e.Destinations {
		if d.Name == destination {
			return true
		}
	}
	return false
}

func (e *Error) fullest(t *ports.Table) (most *ports.Destination) {
	for i := range t.Destinations {
		d := &t.Destinations[i]
		if e.names(d.Destination.String()) && (most == nil || diagnose.UsedPercent(d) > diagnose.UsedPercent(most)) {
			most = d
		}
	}
	return most
}
