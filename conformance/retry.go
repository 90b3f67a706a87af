package main

import (
	"context"
	"slices"
)

// maxHungAgain is how many tests that hung are worth another try: more are no
// accident, and a hang takes its time.
const maxHungAgain = 5

// testAgain runs one test, and what failed again.
func (r *runner) testAgain(ctx context.Context, name string) *testRun {
	run := r.test(ctx, name)
	for range r.retries {
		if run.hung() || !slices.ContainsFunc(run.cases, outcome.failed) || ctx.Err() != nil {
			break
		}
		run.merge(r.test(ctx, name))
	}
	return run
}

// hungAgain runs the tests that hung again, one at a time and with more time,
// where they are so few that a busy machine may be the cause.
func (r *runner) hungAgain(ctx context.Context, runs []*testRun) {
	var hung []*testRun
	for _, run := range runs {
		if run != nil && run.hung() {
			hung = append(hung, run)
		}
	}
	if r.retries == 0 || len(hung) > maxHungAgain {
		return
	}
	slow := *r
	slow.quiet *= 2
	for _, run := range hung {
		if ctx.Err() == nil {
			run.merge(slow.test(ctx, run.name))
		}
	}
}

func (run *testRun) hung() bool {
	return slices.ContainsFunc(run.cases, func(o outcome) bool { return o.Result == hang })
}

// merge takes from another try the cases that failed before and do not now.
// What fails only then is let pass: it did not fail when its turn was.
func (run *testRun) merge(again *testRun) {
	now := map[string]outcome{}
	for _, c := range again.cases {
		now[c.Name] = c
	}
	allWell := !slices.ContainsFunc(again.cases, outcome.failed)
	for i, c := range run.cases {
		if !c.failed() {
			continue
		}
		n, ok := now[c.Name]
		switch {
		case ok && !n.failed():
			run.cases[i], run.flaky = n, true
		case !ok && allWell: // a parent, no case where it does not fail on its own account
			run.cases[i].Result, run.flaky = pass, true
		}
	}
	run.elapsed += again.elapsed
}
