package main

import (
	"slices"
	"testing"
	"time"
)

func TestMerge(t *testing.T) {
	run := func(cases ...outcome) *testRun { return &testRun{name: "TestX", cases: cases, elapsed: time.Second} }
	is := func(name string, r result) outcome { return outcome{Name: name, Result: r} }
	for _, tt := range []struct {
		name         string
		first, again *testRun
		want         []outcome
		flaky        bool
	}{
		{"it passes now", run(is("TestX/h1", fail), is("TestX/h2", pass)), run(is("TestX/h1", pass), is("TestX/h2", pass)),
			[]outcome{is("TestX/h1", pass), is("TestX/h2", pass)}, true},
		{"it fails again, otherwise", run(is("TestX/h1", fail)), run(is("TestX/h1", crash)),
			[]outcome{is("TestX/h1", fail)}, false},
		{"another fails now", run(is("TestX/h1", fail), is("TestX/h2", pass)), run(is("TestX/h1", pass), is("TestX/h2", fail)),
			[]outcome{is("TestX/h1", pass), is("TestX/h2", pass)}, true},
		{"a parent is no case where all is well", run(is("TestX/h1", pass), is("TestX", fail)), run(is("TestX/h1", pass)),
			[]outcome{is("TestX/h1", pass), is("TestX", pass)}, true},
		{"what had no turn stays failed", run(is("TestX/h1", fail), is("TestX/h2", fail)), run(is("TestX/h1", hang)),
			[]outcome{is("TestX/h1", fail), is("TestX/h2", fail)}, false},
		{"a hang too", run(is("TestX", hang)), run(is("TestX", skip)), []outcome{is("TestX", skip)}, true},
	} {
		tt.first.merge(tt.again)
		if !slices.Equal(tt.first.cases, tt.want) || tt.first.flaky != tt.flaky || tt.first.elapsed != 2*time.Second {
			t.Errorf("%s: got %+v, want %+v and flaky %v", tt.name, *tt.first, tt.want, tt.flaky)
		}
	}
}

func TestTidy(t *testing.T) {
	is := func(name string, r result) outcome { return outcome{Name: name, Result: r} }
	for _, tt := range []struct{ cases, want []outcome }{
		{[]outcome{is("TestX/h1", hang), is("TestX", pass)}, []outcome{is("TestX/h1", hang)}},
		{[]outcome{is("TestX/h1", pass), is("TestX", hang)}, []outcome{is("TestX/h1", pass), is("TestX", hang)}},
		{[]outcome{is("TestX/h1", pass), is("TestX", fail)}, []outcome{is("TestX/h1", pass), is("TestX", fail)}},
		{[]outcome{is("TestX", pass)}, []outcome{is("TestX", pass)}},
		{nil, []outcome{{"TestX", "", crash, "its process ended without a result"}}},
	} {
		run := &testRun{name: "TestX", cases: slices.Clone(tt.cases)}
		run.tidy()
		if !slices.Equal(run.cases, tt.want) {
			t.Errorf("%+v: got %+v, want %+v", tt.cases, run.cases, tt.want)
		}
	}
}
