package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
	"github.com/berth-go/berth/cmd/berth/internal/report"
	"github.com/berth-go/berth/cmd/berth/internal/tracer"
)

// traceFlags are what the user asks of trace.
type traceFlags struct {
	pid         int
	cgroup      string
	all         bool
	destination string
	time        time.Duration
	stacks      bool
	asJSON      bool
	output      string
}

func traceVerb() *command {
	o := traceFlags{}
	c := &command{
		Use:   "trace [flags] [-- COMMAND ARG...]",
		Short: "see which code opens the connections, and why they were not reused",
		Long: `Watch a process, a cgroup or the whole machine for a while: which destination
it connects to, how often, who closes, how many requests a connection serves,
which call opens them, and, for Go, why its pool did not keep them. The program
needs no change and no restart.

With a command, it is started, watched from its first connection until it ends,
and the report goes to stderr; the exit code is the command's, 125 if berth
fails, 126 if the command can't be run, 127 if there is none.

It needs root, or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_PTRACE.
Without them it says what the kernel tells everybody: per destination, of the
connections that end.`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *command, args []string) error {
			err := runTrace(c, o, args)
			if len(args) > 0 && err != nil && !errors.As(err, new(exitError)) {
				return exitError{exitNotTraced, err}
			}
			return err
		},
	}
	f := c.Flags()
	f.BoolVar(&o.all, "all", false, "every process of the machine")
	f.StringVar(&o.cgroup, "cgroup", "", "what runs in a cgroup: its `path`")
	f.StringVar(&o.destination, "dest", "", "report one destination: `HOST:PORT`")
	f.DurationVar(&o.time, "for", 10*time.Second, "how long to watch, such as 30s; a command, until it ends")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.StringVar(&o.output, "output", "", "write the report to a `file`")
	f.IntVar(&o.pid, "pid", 0, "watch one process, by its `number`")
	f.BoolVar(&o.stacks, "stacks", false, "print whole stacks")
	return c
}

func (o *traceFlags) valid(c *command, args []string) error {
	given := c.Flags().Changed
	targets := 0
	for _, is := range []bool{given("pid"), given("cgroup"), o.all, len(args) > 0} {
		if is {
			targets++
		}
	}
	switch {
	case given("pid") && o.pid < 1:
		return fmt.Errorf("--pid must be the number of a process, not %d", o.pid)
	case given("cgroup") && o.cgroup == "":
		return errors.New("--cgroup must be the path of a cgroup, and is empty")
	case o.time <= 0:
		return fmt.Errorf("--for must be a time to watch, such as 10s, not %s", o.time)
	case targets != 1:
		return errors.New("trace wants one of --pid PID, --cgroup PATH, --all and -- COMMAND")
	case len(args) > 0 && c.ArgsLenAtDash() != 0:
		return fmt.Errorf("trace takes a command behind --, not %q", args[0])
	}
	return nil
}

func runTrace(c *command, o traceFlags, args []string) error {
	if err := o.valid(c, args); err != nil {
		return err
	}
	only, err := o.only(c.Context())
	if err != nil {
		return err
	}
	if o.pid != 0 {
		if err := tracer.Runs(o.pid); err != nil {
			return err
		}
	}
	r := &traceReport{traceFlags: o, only: only, out: c.OutOrStdout()}
	if len(args) > 0 {
		r.out = c.ErrOrStderr()
	}
	if o.output != "" {
		f, err := os.Create(o.output)
		if err != nil {
			return err
		}
		defer f.Close()
		r.out = f
	}
	if len(args) > 0 {
		return traceCommand(c, r, args)
	}
	return traceRunning(c.Context(), r)
}

// traceRunning watches processes that run, until the time is up, they ended or somebody presses Ctrl-C.
func traceRunning(ctx context.Context, r *traceReport) error {
	t, err := startTracer(tracer.Options{PID: r.pid, All: r.all, Cgroup: r.cgroup})
	if err != nil {
		return err
	}
	defer t.Close()
	r.watch(ctx, t)
	b, err := t.Bill()
	if err != nil {
		return err
	}
	r.next = r.again()
	return errors.Join(t.Close(), r.print(b))
}

// again is what to type where nothing was seen.
func (r *traceReport) again() string {
	whom := "--all"
	switch {
	case r.pid != 0:
		whom = fmt.Sprintf("--pid %d", r.pid)
	case r.cgroup != "":
		whom = "--cgroup " + r.cgroup
	}
	return fmt.Sprintf("berth trace %s --for %v", whom, 6*r.time)
}

// A watcher is what there is to ask for a bill.
type watcher interface {
	Run(start func() error) error
	Bill() (*bill.Bill, error)
	Close() error
}

// startTracer starts the best that this user may have here.
func startTracer(o tracer.Options) (watcher, error) {
	t, err := tracer.Start(o)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return tracer.StartUnprivileged(err)
	}
	return t, err
}

// A traceReport is where a trace is printed.
type traceReport struct {
	traceFlags
	only func(netip.AddrPort) bool
	out  io.Writer
	next string // what to type where nothing was seen
}

// only limits the report to a destination.
func (o *traceFlags) only(ctx context.Context) (func(netip.AddrPort) bool, error) {
	if o.destination == "" {
		return func(netip.AddrPort) bool { return true }, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	all, err := resolve(ctx, "--dest", o.destination)
	if err != nil {
		return nil, err
	}
	return func(a netip.AddrPort) bool { return slices.Contains(all, a) }, nil
}

func (r *traceReport) report(b *bill.Bill) *report.Trace {
	b.Groups = slices.DeleteFunc(b.Groups, func(g bill.Group) bool { return !r.only(g.Destination) })
	t := report.NewTrace(b)
	t.Next = r.next
	return t
}

func (r *traceReport) print(b *bill.Bill) error {
	if r.asJSON {
		return r.report(b).WriteJSON(r.out)
	}
	return r.report(b).WriteText(r.out, r.style(), r.stacks)
}

func (r *traceReport) style() report.Style {
	return report.Style{Width: width(r.out), Color: color(r.out), Graphics: graphics(r.out)}
}

// tableRows is how many rows of a table a screen of that height has room for. Some terminals do not say how high they are.
func tableRows(height int) int {
	const most, besides = 15, 4
	if height == 0 {
		return most
	}
	return min(max(height-besides, 1), most)
}

// Intervals of the watch.
const (
	refreshTime = time.Second            // of the live table
	aliveTime   = 200 * time.Millisecond // between two looks whether the process is there
)

// watch waits, and shows what was seen so far where that is a terminal.
func (r *traceReport) watch(ctx context.Context, t watcher) {
	live := newLiveTable(r.out, r.asJSON)
	defer live.clear()
	end := time.NewTimer(r.time)
	defer end.Stop()
	refresh := time.NewTicker(refreshTime)
	defer refresh.Stop()
	look := time.NewTicker(aliveTime)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-look.C:
			if r.pid != 0 && tracer.Runs(r.pid) != nil {
				return
			}
		case <-refresh.C:
			live.show(func(w io.Writer) {
				if b, err := t.Bill(); err == nil {
					r.report(b).WriteTable(w, r.style(), tableRows(height(r.out)))
				}
			})
		}
	}
}
