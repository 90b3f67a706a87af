// Package census takes one look at a machine: it reads the kernel's sockets and settings, and the processes
// behind them, into a ports.Table. It needs no privileges for what is our own.
package census

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// Options say where to look. The zero value is the network namespace that we are in.
type Options struct {
	// Namespace is another network namespace: a process in it, as 4121 or pid 4121, the name that ip netns gave it,
	// or all of the machine. It needs root.
	Namespace string

	// PID keeps only the destinations and services of one process, and looks where that process is. Those that
	// may be its, since they are TIME_WAITs and have no owner, stay too. If zero, all stay.
	PID int

	// Calibrate measures what connect costs on this machine, which takes some 20 ms, and leaves 64 sockets in
	// TIME_WAIT on loopback. Otherwise it is estimated.
	Calibrate bool
}

// Take looks once. What could not be read is in the table's Missing, and is an error only if nothing is left.
func Take(ctx context.Context, o Options) (*ports.Table, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := &ports.Table{Time: time.Now()}
	t.Host, _ = os.Hostname()
	if err := take(ctx, o, t); err != nil {
		return nil, err
	}
	if o.PID != 0 {
		keep(t, o.PID)
	}
	t.Destinations = ports.Sort(t.Destinations)
	return t, nil
}

// keep drops what is not the process's, or cannot be.
func keep(t *ports.Table, pid int) {
	var destinations []ports.Destination
	nobodys := 0
	for _, d := range t.Destinations {
		switch {
		case owns(d.Owners, pid):
			destinations = append(destinations, d)
		case mayBeAnybodys(d):
			destinations = append(destinations, d)
			nobodys++
		}
	}
	if nobodys > 0 {
		t.Missing = append(t.Missing, fmt.Sprintf("TIME_WAIT has no owner: %s nobody was seen to hold may not be process %d's",
			plural(nobodys, "destination that", "destinations that"), pid))
	}
	var services []ports.Service
	for _, s := range t.Services {
		if owns(s.Owners, pid) {
			services = append(services, s)
		}
	}
	t.Destinations, t.Services = destinations, services
}

// mayBeAnybodys reports whether a destination is all but TIME_WAITs, and many. A process that closes each of its
// connections leaves no more, and a few may have been open when we looked, and not when we looked for it.
func mayBeAnybodys(d ports.Destination) bool {
	const manyPercent, openPercent = 5, 2
	waits := d.States[sock.TimeWait]
	return len(d.Owners) == 0 && 100*waits >= manyPercent*d.Budget && waits > 0 && 100*d.Unowned <= openPercent*waits
}

func owns(owners []ports.Owner, pid int) bool {
	for _, o := range owners {
		if o.PID == pid {
			return true
		}
	}
	return false
}

// plural is for the sentences of Missing.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
