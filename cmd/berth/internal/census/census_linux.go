package census

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/procfs"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
	"github.com/berth-go/berth/cmd/berth/internal/sockdiag"
)

// proc is the machine's.
var proc = procfs.At("/proc")

// timeWaitTime is compiled into the kernel (TCP_TIMEWAIT_LEN): no setting changes it.
const timeWaitTime = 60 * time.Second

// take fills the table, all but what is the same on every system.
func take(ctx context.Context, o Options, t *ports.Table) error {
	t.Kernel, _ = proc.Kernel()
	places, err := find(o)
	if err != nil {
		return err
	}
	t.Missing = append(t.Missing, places.missing...)
	costs := ports.Estimated
	var looks []*look
	for _, p := range places.all {
		if err := ctx.Err(); err != nil {
			return err
		}
		l := &look{calibrate: o.Calibrate && len(looks) == 0, costs: &costs}
		l.ns.Name = p.name
		err := p.within(l.take)
		if err != nil && len(places.all) == 1 {
			return err
		}
		if err != nil {
			l.missing = append(l.missing, fmt.Sprintf("the namespace %s could not be read: %v", p.name, err))
		} else {
			looks = append(looks, l)
		}
		t.Missing = append(t.Missing, l.missing...)
	}
	if len(looks) == 0 {
		return errors.New("no network namespace could be read: it needs root")
	}
	missing, err := nameOwners(ctx, looks, o.PID)
	if err != nil {
		return err
	}
	t.Missing = append(t.Missing, missing...)
	for _, l := range looks {
		t.Namespaces = append(t.Namespaces, l.ns)
		t.Destinations = append(t.Destinations, l.destinations...)
		t.Services = append(t.Services, l.services...)
	}
	return nil
}

// A look is at one namespace, from within.
type look struct {
	calibrate bool
	costs     *ports.Costs // of all looks

	ns           ports.Namespace
	destinations []ports.Destination
	services     []ports.Service
	live         []ports.Live
	missing      []string
}

// take runs on a thread that is in the namespace, and starts no goroutine, which would not be.
func (l *look) take() error {
	reserved, err := l.settings()
	if err != nil {
		return err
	}
	tally := ports.NewTally(l.ns, reserved)
	missing, err := read(tally)
	if err != nil {
		return err
	}
	l.missing = append(l.missing, missing...)
	if l.calibrate {
		l.measure()
	}
	var probe ports.Probe
	if quiet, ok := tally.Quiet(); ok {
		probe = func(port uint16) bool { return isBound(port, quiet) }
	}
	l.ns, l.destinations, l.services = tally.Finish(*l.costs, probe)
	l.live = tally.Live()
	if l.ns.LeftOut > 0 {
		l.missing = append(l.missing, fmt.Sprintf("%d destinations that hold next to no ports are left out", l.ns.LeftOut))
	}
	return nil
}

func (l *look) settings() (*ports.PortSet, error) {
	s, missing, err := proc.Settings()
	if err != nil {
		return nil, fmt.Errorf("read the port range: %w", err)
	}
	l.missing = append(l.missing, missing...)
	n := &l.ns
	n.First, n.Last = s.First, s.Last
	n.TimeWait = timeWaitTime
	n.TWReuse, n.TWDelay, n.TWBuckets, n.TWOverflow = s.TWReuse, s.TWDelay, s.TWBuckets, s.TWOverflow
	n.Timestamps = s.Timestamps
	n.Conntrack, n.ConntrackMax = s.Conntrack, s.ConntrackMax
	reserved := new(ports.PortSet)
	for _, r := range s.Reserved {
		for p := max(r.First, n.First); p <= min(r.Last, n.Last); p++ {
			reserved.Add(uint16(p))
		}
	}
	n.Reserved = reserved.Len()
	return reserved, nil
}

// read tells the tally of all sockets. Those that are only bound are in a table of their own, which takes the
// kernel half as long to walk again, so it does both at once. Both readers are opened here, on the thread that
// is in the namespace; whoever uses them later need not be. It returns what was not asked for.
func read(t *ports.Tally) (missing []string, err error) {
	r, err := sockdiag.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := sockdiag.Open()
	if err != nil {
		return nil, err
	}
	defer b.Close()
	var bound ports.PortSet
	done := make(chan error, 1)
	go func() { done <- readBound(b, &bound) }()
	missing, err = readOthers(r, t)
	err = errors.Join(err, <-done)
	for port := range bound.All() {
		t.AddBound(port)
	}
	return missing, err
}

// readBound puts the ports of bound sockets into the set. Kernels before 6.8 tell of none, and are not troubled
// by being asked.
func readBound(r *sockdiag.Reader, bound *ports.PortSet) error {
	q := sockdiag.Query{States: sock.SetOf(sock.Bound)}
	return r.Read([]sockdiag.Query{q},
		func() { *bound = ports.PortSet{} },
		func(s sock.Socket) { bound.Add(s.Local.Port()) })
}

// readOthers asks for the listeners first: they tell whose the others are.
func readOthers(r *sockdiag.Reader, t *ports.Tally) (missing []string, err error) {
	live, err := proc.InUse()
	switch {
	case err != nil:
		missing = []string{fmt.Sprintf("what the connections carry was not read, so that no leak of open ones can be found: %v", err)}
	case live > maxInfo:
		missing = []string{fmt.Sprintf("what the connections carry was not read, so that no leak of open ones can be found: there are %d", live)}
	}
	return missing, r.Read([]sockdiag.Query{
		{States: sock.SetOf(sock.Listen)},
		{States: sock.AllStates &^ sock.SetOf(sock.Listen, sock.Bound), Info: missing == nil},
	}, t.Reset, t.Add)
}

// maxInfo is the most live sockets that are asked for their traffic: each takes half a microsecond more. A test
// has fewer.
var maxInfo = 250_000
