// Package demo runs out of local ports on purpose, and then does not: three HTTP clients, one after the other,
// send the same requests to a server of its own on loopback, each from the same few ports.
//
// Run does it; Result holds what came of it, and renders it as JSON or as text without looking at anything else.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/berth-go/berth/internal/netlab"
)

// Options say how large the demonstration is.
type Options struct {
	Ports    int // local ports that the clients share
	Requests int // sent by each client
	Callers  int // goroutines that send them

	// Progress, unless nil, is called some ten times a second, from one goroutine at a time.
	Progress func(Progress)
}

// The bounds of Options: what is larger runs out of time, or of memory, before it shows more.
const (
	MaxPorts    = 4_096
	MaxRequests = 10_000_000
	MaxCallers  = 1_000
)

// Time for one client. Three of them, and the looks at the kernel between, stay under ten seconds.
const (
	phaseTime = 2200 * time.Millisecond // after that no request is sent
	graceTime = 500 * time.Millisecond  // and one in flight that takes longer than this has failed
)

// Validate says what is out of bounds, in terms of the command's flags.
func (o Options) Validate() error {
	return errors.Join(
		within("--ports", o.Ports, MaxPorts),
		within("--requests", o.Requests, MaxRequests),
		within("--callers", o.Callers, MaxCallers),
	)
}

func within(flag string, n, most int) error {
	if n < 1 || n > most {
		return fmt.Errorf("%s must be from 1 to %s, not %d", flag, count(most), n)
	}
	return nil
}

// files is how many descriptors a run may have open at once: both ends of each connection, of which a client
// of net/http makes up to two a caller but never more than there are ports, and a socket a caller that has no
// port yet.
func (o Options) files() int {
	const process = 32 // what it has open already, listeners and the kernel's tables
	return 2*min(o.Ports, 2*o.Callers) + o.Callers + process
}

// A client is one way to send requests.
type client struct {
	name      string
	transport func(netlab.Control) http.RoundTripper

	// keeps is how many connections it leaves open when it has nothing to do. Once those that it closes are
	// closed, the ports it left behind can be counted.
	keeps int
}

// Run sends the requests through each client in turn. It needs no privileges and changes nothing on the
// machine but what its own sockets leave: some ports in TIME_WAIT towards listeners that are gone.
//
// It returns ctx's error when ctx ends first. Where a port range of its own does not work, the error matches
// errors.ErrUnsupported.
func Run(ctx context.Context, o Options) (*Result, error) {
	return run(ctx, o, clients)
}

func run(ctx context.Context, o Options, clients []client) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := checkFiles(o.files()); err != nil {
		return nil, err
	}
	l, err := openLab(len(clients), o.Ports)
	if err != nil {
		return nil, err
	}
	defer l.close()
	r := &Result{Ports: o.Ports, Requests: o.Requests, Callers: o.Callers}
	for i, c := range clients {
		p, err := l.phase(ctx, o, c, l.servers[i])
		if err != nil {
			return nil, err
		}
		r.Phases = append(r.Phases, p)
	}
	return r, nil
}
