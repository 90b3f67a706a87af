package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/berth-go/berth/cmd/berth/internal/advice"
	"github.com/berth-go/berth/cmd/berth/internal/census"
	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/explain"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/report"
)

// checkFlags are what the user asks of check.
type checkFlags struct {
	census.Options
	report  report.Options
	failAt  choice
	color   choice
	asJSON  bool
	explain string
}

func checkVerb() *command {
	o := checkFlags{
		failAt: choice{[]string{"slow", "critical", "exhausted"}, "slow"},
		color:  choice{[]string{"auto", "always", "never"}, "auto"},
	}
	c := &command{
		Use:   "check [HOST:PORT]",
		Short: "see what eats the local ports, how long they last, and what to do",
		Long: `One look at this machine's connections: which destination takes up the local
ports, how full it is, since when and until when, why, whose it is, and what to
do. With HOST:PORT, that destination alone.

It needs no privileges, but only root sees who owns other users' sockets, and
other namespaces. It exits with 0 if nothing is as bad as --fail-at, with 1 if
something is, and with 2 if it could not look.`,
		Args:              oneDestination,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *command, args []string) error { return runCheck(c, o, args) },
	}
	f := c.Flags()
	f.BoolVar(&o.report.All, "all", false, "report destinations that are well, too")
	f.BoolVar(&o.Calibrate, "calibrate", false, "measure what a connect costs here, in 20 ms")
	f.Var(&o.color, "color", "`when` to use colors: auto, always or never")
	f.StringVar(&o.explain, "explain", "", "say what the errors in a log mean: `file`, or - for stdin")
	f.Var(&o.failAt, "fail-at", "`level` that is a 1: slow, critical or exhausted")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.StringVar(&o.Namespace, "namespace", "", "look into the network namespace of a `pid`, or all of them")
	f.IntVar(&o.PID, "pid", 0, "report what one process connects to, by its `number`")
	completeFlag(c, "color", o.color.of)
	completeFlag(c, "fail-at", o.failAt.of)
	completeFlag(c, "namespace", []string{"all"})
	return c
}

func oneDestination(_ *command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("check takes one HOST:PORT, and no further argument, such as %q", args[1])
	}
	return nil
}

func runCheck(c *command, o checkFlags, args []string) error {
	if err := o.valid(c); err != nil {
		return err
	}
	if err := o.only(c.Context(), args); err != nil {
		return err
	}
	if err := o.readLog(c.InOrStdin()); err != nil {
		return err
	}
	t, err := census.Take(c.Context(), o.Options)
	if err != nil {
		return err
	}
	findings := diagnose.Run(t)
	lookAtOwners(t, findings)
	o.report.Namespace = o.Options.Namespace
	r := report.New(t, findings, o.report)
	if err := o.print(c.OutOrStdout(), r); err != nil {
		return err
	}
	if r.Worst() >= o.level() {
		return errNo
	}
	return nil
}

// valid looks at what a flag may not be if it is given.
func (o *checkFlags) valid(c *command) error {
	given := c.Flags().Changed
	switch {
	case given("pid") && o.PID < 1:
		return fmt.Errorf("--pid must be the number of a process, not %d", o.PID)
	case given("namespace") && o.Namespace == "":
		return errors.New("--namespace must be the number of a process, a name or all, and is empty")
	case given("explain") && o.explain == "":
		return errors.New("--explain must be the name of a log, or - for stdin, and is empty")
	}
	return nil
}

// lookAtOwners finds out what the programs are that there is advice for.
func lookAtOwners(t *ports.Table, findings []diagnose.Finding) {
	executable := func(pid int) string { return fmt.Sprintf("/proc/%d/exe", pid) }
	for i := range t.Destinations {
		if d := &t.Destinations[i]; slices.ContainsFunc(findings, func(f diagnose.Finding) bool { return f.About(d) }) {
			advice.Look(d.Owners, executable)
		}
	}
}

// only limits the report to a destination, where there is one among the arguments.
func (o *checkFlags) only(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	all, err := resolve(ctx, "check", args[0])
	if err != nil {
		return err
	}
	o.report.Asked = args[0]
	o.report.Only = func(d *ports.Destination) bool { return slices.Contains(all, d.Destination) }
	return nil
}

// resolveTime is how long names may take. A machine in trouble may not reach its name server.
const resolveTime = 3 * time.Second

// resolve returns the addresses that a HOST:PORT stands for, which somebody, who is named in errors, wants.
func resolve(ctx context.Context, who, hostPort string) (all []netip.AddrPort, err error) {
	host, service, err := net.SplitHostPort(hostPort)
	if err != nil || host == "" || service == "" {
		return nil, fmt.Errorf("%s wants HOST:PORT, such as 10.0.3.7:8080, not %q", who, hostPort)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || port == 0 {
		return nil, fmt.Errorf("%s wants a port from 1 to 65535, or the name of a service, not %q in %q", who, service, hostPort)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		all = append(all, netip.AddrPortFrom(ip.Unmap().WithZone(""), uint16(port))) // the kernel's tables have no zone
	}
	return all, nil
}

func (o *checkFlags) readLog(stdin io.Reader) (err error) {
	o.report.Log = o.explain
	switch o.explain {
	case "":
	case "-":
		o.report.Log = "stdin"
		o.report.Errors, err = explain.Read(stdin)
	default:
		o.report.Errors, err = readLogFile(o.explain)
	}
	return err
}

func readLogFile(name string) (all []explain.Error, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return explain.Read(f)
}

func (o *checkFlags) print(out io.Writer, r *report.Report) error {
	if o.asJSON {
		return r.WriteJSON(out)
	}
	return r.WriteText(out, o.style(out))
}

func (o *checkFlags) style(out io.Writer) report.Style {
	s := report.Style{Width: width(out), Color: color(out), Graphics: graphics(out)}
	switch o.color.is {
	case "always":
		s.Color = true
	case "never":
		s.Color = false
	}
	return s
}

func (o *checkFlags) level() diagnose.Level {
	for l := diagnose.Slow; l < diagnose.Exhausted; l++ {
		if l.String() == o.failAt.is {
			return l
		}
	}
	return diagnose.Exhausted
}
