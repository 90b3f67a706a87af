package diagnose

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// A limit is what a leak will hit first: the ports of its destination, or the open files of its process.
type limit struct {
	used, of int
	what     string  // the ports of the destination, the open files of java (pid 4121)
	percent  float64 // of the limit, by the leaked connections alone
}

// hits is the limit that connections in the state are closest to.
func hits(d *ports.Destination, state sock.State) limit {
	first := limit{used: d.Budget - d.Free, of: d.Budget, what: "the ports of this destination"}
	first.percent = percent(d.States[state], d.Budget)
	for _, o := range d.Owners {
		l := filesOf(o, d.States[state])
		if !o.Inferred && percent(l.used, l.of) > percent(first.used, first.of) {
			first = l
		}
	}
	return first
}

// fileLimit is what connections that a service accepted will hit: they hold no port, but each is an open file.
func fileLimit(v *ports.Service) (most limit) {
	for _, o := range v.Owners {
		if l := filesOf(o, v.States[sock.CloseWait]); l.percent > most.percent {
			most = l
		}
	}
	return most
}

func filesOf(o ports.Owner, sockets int) limit {
	return limit{
		used: o.Files, of: o.FileLimit,
		what:    fmt.Sprintf("the open files of pid %d", o.PID),
		percent: percent(min(sockets, o.Sockets), o.FileLimit),
	}
}

func (l limit) level() Level {
	switch p := percent(l.used, l.of); {
	case p >= 100:
		return Exhausted
	case p > leakCritical:
		return Critical
	}
	return Slow
}

// after is the limit as the end of a sentence. It is empty where the limit is not known.
func (l limit) after() string {
	if l.of <= 0 {
		return ""
	}
	return ": " + l.String()
}

func (l limit) String() string {
	return fmt.Sprintf("%s of %s are in use, %s of %s", Percent(percent(l.used, l.of)), l.what, Count(l.used), Count(l.of))
}
