// Conformance runs net/http's own tests of its HTTP client against another
// transport, berth's by default. README.md says how, and what differs.
//
//	GOWORK=off go run -C conformance . [flags]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends us at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command without its process. It returns the exit code: 0 when
// nothing failed that is not allowed to, 1 when something did, 2 when the tests
// could not be run as asked.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	good := false
	if err == nil {
		good, err = conform(ctx, o, stdout, stderr)
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted") // what broke then is our own doing
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "conformance:", err)
		return 2
	case !good:
		return 1
	}
	return 0
}

// madeFor is the Go version whose tests patch.go was written for.
const madeFor = "go1.26"

// conform reports whether the transport did as well as it is expected to.
func conform(ctx context.Context, o *options, stdout, stderr io.Writer) (good bool, err error) {
	began := time.Now()
	allow, err := o.allowance()
	if err != nil {
		return false, err
	}
	g, err := newGoTool(ctx, o.dir)
	if err != nil {
		return false, err
	}
	if !strings.HasPrefix(g.version, madeFor) {
		fmt.Fprintf(stderr, "warning: made for %s, this is %s\n", madeFor, g.version)
	}
	sub, err := loadSubject(ctx, g, o)
	if err != nil {
		return false, err
	}
	s, err := loadSuite(ctx, g)
	if err != nil {
		return false, err
	}
	p, err := rewrite(s, sub)
	if err != nil {
		return false, err
	}
	for _, w := range p.warnings {
		fmt.Fprintln(stderr, "warning:", w)
	}
	tests, err := o.choose(p.tests)
	if err != nil {
		return false, err
	}
	if o.list {
		return true, list(stdout, tests)
	}

	bin, clean, err := build(ctx, g, o, p.files)
	defer clean()
	if err != nil {
		return false, err
	}
	rep := newReport(g.version, sub, allow)
	rep.Build = time.Since(began).Seconds()
	r := newRunner(o, bin, s)
	if o.verbose {
		r.ended = stdout
	}
	runs := r.all(ctx, tests, began.Add(o.budget))
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	for i, t := range tests {
		rep.add(t, runs[i])
	}
	rep.finish(time.Since(began))
	return rep.good(), rep.write(o, stdout)
}

// list prints the tests, and what is known of them before they run.
func list(w io.Writer, tests []test) error {
	for _, t := range tests {
		why := ""
		switch {
		case t.dropped != "":
			why = "  dropped: " + t.dropped
		case t.weakened != "":
			why = "  weakened: " + t.weakened
		}
		if _, err := fmt.Fprintf(w, "%s %s%s\n", t.file, t.name, why); err != nil {
			return err
		}
	}
	return nil
}
