// Package census takes one look at a machine: it reads the kernel's sockets and settings, and the processes
// behind them, into a ports.Table. It needs no privileges for what is our own.
package census

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// Options say where to look. The zero value is the network namespace that we are in.
type Options struct {
	// Namespace is another network namespace: the number of a process in it, the name that ip netns gave it, or
	// all of the machine. It needs root.
	Namespace string

	// PID keeps only the destinations and services of one process, and looks where that process is. If zero,
	// all stay.
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

// keep drops what is not the process's.
func keep(t *ports.Table, pid int) {
	var destinations []ports.Destination
	for _, d := range t.Destinations {
		if owns(d.Owners, pid) {
			destinations = append(destinations, d)
		}
	}
	var services []ports.Service
	for _, s := range t.Services {
		if owns(s.Owners, pid) {
			services = append(services, s)
		}
	}
	t.Destinations, t.Services = destinations, services
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
