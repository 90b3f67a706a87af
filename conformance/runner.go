package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A testRun is what one test did.
type testRun struct {
	name     string
	cases    []outcome
	elapsed  time.Duration
	stdTrips int // exchanges that net/http's own transport made
	flaky    bool
}

// A runner runs the tests, each in processes of its own.
type runner struct {
	process // what all processes share
	judge   judge
	retries int
	atOnce  int
	ended   io.Writer // told of each test that ends, unless nil
}

func newRunner(o *options, bin string, s *suite) *runner {
	r := &runner{
		process: process{bin: bin, dir: s.dir, quiet: o.timeout, total: 10 * o.timeout},
		judge:   judge{s.sayings(), symbol(o.importPath)},
		retries: o.retries,
		atOnce:  o.atOnce,
	}
	if o.modes != "" {
		r.env = append(r.env, modesVar+"="+o.modes)
	}
	if !o.leaks {
		r.env = append(r.env, leaksVar+"=off")
	}
	if o.race && os.Getenv("GORACE") == "" {
		r.env = append(r.env, "GORACE=atexit_sleep_ms=0") // else a second for each process
	}
	return r
}

// all runs the tests that are not dropped, those that begin before the deadline.
// It returns one run for each test, nil if there was none.
func (r *runner) all(ctx context.Context, tests []test, deadline time.Time) []*testRun {
	runs := make([]*testRun, len(tests))
	var mu sync.Mutex // guards r.ended
	var wg sync.WaitGroup
	slots := make(chan struct{}, r.atOnce)
	for i, t := range tests {
		if t.dropped != "" {
			continue
		}
		slots <- struct{}{}
		if time.Now().After(deadline) || ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			run := r.testAgain(ctx, t.name)
			runs[i] = run
			if r.ended != nil && ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				fmt.Fprintf(r.ended, "%-6s %6.2fs %s\n", worst(run.cases), run.elapsed.Seconds(), run.name)
			}
		})
	}
	wg.Wait()
	r.hungAgain(ctx, runs)
	return runs
}

// maxProcesses is how many a test gets. One with more subtests that end theirs
// has failed well enough.
const maxProcesses = 8

// test runs one test. A subtest that ends the process is left out of the next,
// so that those after it have their turn.
func (r *runner) test(ctx context.Context, name string) *testRun {
	began := time.Now()
	run := &testRun{name: name}
	p := r.process
	p.test = name
	for range maxProcesses {
		cases, ended := r.once(ctx, &p, run)
		run.add(cases)
		if !ended || ctx.Err() != nil {
			break
		}
		last := cases[len(cases)-1]
		if !strings.Contains(last.Name, "/") {
			break
		}
		p.skip = append(p.skip, exactly(last.Name))
		if last.Result == hang { // the others may well do so too
			p.quiet = max(r.quiet/2, min(3*time.Second, r.quiet))
		}
	}
	run.tidy()
	run.elapsed = time.Since(began)
	return run
}

func (r *runner) once(ctx context.Context, p *process, run *testRun) (cases []outcome, ended bool) {
	out, e, err := p.run(ctx)
	if err != nil {
		return []outcome{newOutcome(p.test, crash, err.Error())}, true
	}
	run.stdTrips += out.stdTrips
	return r.judge.verdict(out, e)
}

// add adds the cases that are new: the next process runs most of them again.
func (run *testRun) add(cases []outcome) {
	for _, c := range cases {
		if !slices.ContainsFunc(run.cases, func(o outcome) bool { return o.Name == c.Name }) {
			run.cases = append(run.cases, c)
		}
	}
}

// tidy takes out the parents that did not fail: they are cases only where all
// their subtests had been left out of a process. One that hangs or crashes once
// its subtests have passed stays.
func (run *testRun) tidy() {
	all := slices.Clone(run.cases)
	run.cases = slices.DeleteFunc(run.cases, func(o outcome) bool {
		return !o.failed() && slices.ContainsFunc(all, func(k outcome) bool { return strings.HasPrefix(k.Name, o.Name+"/") })
	})
	if len(run.cases) == 0 {
		run.cases = []outcome{newOutcome(run.name, crash, "its process ended without a result")}
	}
}

// exactly returns a pattern for -test.skip that matches one name.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}
