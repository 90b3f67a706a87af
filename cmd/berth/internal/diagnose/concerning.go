package diagnose

import (
	"slices"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// Concerning returns what follows from the table for some destinations alone: what is wrong with them, and with
// what all destinations of their namespaces share. Where there is no connection to any of them, every namespace
// may be theirs.
func Concerning(t *ports.Table, only func(*ports.Destination) bool) []Finding {
	asked := *t
	asked.Services, asked.Destinations, asked.Namespaces = nil, nil, nil
	theirs := map[string]bool{}
	for i := range t.Destinations {
		if d := &t.Destinations[i]; only(d) {
			asked.Destinations = append(asked.Destinations, *d)
			theirs[d.Namespace] = true
		}
	}
	for _, n := range t.Namespaces {
		if len(theirs) == 0 || theirs[n.Name] {
			asked.Namespaces = append(asked.Namespaces, n)
		}
	}
	harmless := func(f Finding) bool { return f.Level == OK } // of servers, which nobody asked for
	return slices.DeleteFunc(Run(&asked), harmless)
}
