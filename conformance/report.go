package main

import (
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// A report is all that one run found. Its fields are what -json writes.
type report struct {
	Go, Import, Type string
	Total, Kept      int // tests of the suite that use the transport; those not dropped
	Tests            count
	Cases            count
	Modes            map[string]*count // cases by mode
	Seconds, Build   float64
	Results          []testResult
	Dropped          []dropped // whole tests
	DroppedCases     []dropped // subtests of kept tests
	NewFailures      []string  // that are not allowed
	AllowedFailures  []string
	AllowedButPass   []string
	NotRun           []string

	extraFields []string
	allow       allowance
}

type testResult struct {
	Name, File    string
	Result        result
	Seconds       float64
	Flaky         bool   `json:",omitempty"`
	Weakened      string `json:",omitempty"`
	StdRoundTrips int    `json:",omitempty"`
	Cases         []outcome
}

type dropped struct{ Name, Reason string }

type count struct{ Pass, Fail, Drop, Skip int }

func (c *count) add(r result) {
	switch r {
	case pass:
		c.Pass++
	case drop:
		c.Drop++
	case skip:
		c.Skip++
	default:
		c.Fail++
	}
}

func newReport(version string, s *subject, allow allowance) *report {
	return &report{Go: version, Import: s.path, Type: s.typ, Modes: map[string]*count{}, extraFields: s.extraFields, allow: allow}
}

// add adds a test with its run, nil where it had none.
func (r *report) add(t test, run *testRun) {
	if run == nil && t.dropped == "" {
		r.NotRun = append(r.NotRun, t.name)
		return
	}
	r.Total++
	if run == nil {
		r.drop(t.name, t.dropped)
		return
	}
	w := worst(run.cases)
	if w == drop {
		i := slices.IndexFunc(run.cases, func(o outcome) bool { return o.Result == drop })
		r.drop(t.name, run.cases[i].Error)
		return
	}
	r.Kept++
	r.Tests.add(w)
	r.Results = append(r.Results, testResult{
		Name: t.name, File: t.file, Result: w, Seconds: float64(run.elapsed.Milliseconds()) / 1000,
		Flaky: run.flaky, Weakened: t.weakened, StdRoundTrips: run.stdTrips, Cases: run.cases,
	})
	for _, o := range run.cases {
		r.addCase(o)
	}
}

func (r *report) drop(name, why string) {
	r.Dropped = append(r.Dropped, dropped{name, why})
	r.Tests.Drop++
}

func (r *report) addCase(o outcome) {
	if r.Modes[o.Mode] == nil {
		r.Modes[o.Mode] = new(count)
	}
	r.Modes[o.Mode].add(o.Result)
	r.Cases.add(o.Result)
	if o.Result == drop {
		r.DroppedCases = append(r.DroppedCases, dropped{o.Name, o.Error})
	}
}

// finish sorts what was added, and compares it with what is allowed.
func (r *report) finish(elapsed time.Duration) {
	r.Seconds = elapsed.Seconds()
	slices.SortFunc(r.Results, func(a, b testResult) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(r.Dropped, func(a, b dropped) int { return strings.Compare(a.Name, b.Name) })
	ran, used := map[string]bool{}, map[string]bool{}
	for o := range r.cases {
		for name := range upwards(o.Name) {
			ran[name] = true
		}
		if !o.failed() {
			continue
		}
		if by, ok := r.allow.covers(o.Name); ok {
			used[by] = true
			r.AllowedFailures = append(r.AllowedFailures, o.Name)
		} else {
			r.NewFailures = append(r.NewFailures, o.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.allow)) {
		if ran[name] && !used[name] {
			r.AllowedButPass = append(r.AllowedButPass, name)
		}
	}
}

// cases yields the cases of the tests that were kept.
func (r *report) cases(yield func(outcome) bool) {
	for _, t := range r.Results {
		for _, o := range t.Cases {
			if !yield(o) {
				return
			}
		}
	}
}

// good reports whether all ran, and nothing failed that may not.
func (r *report) good() bool { return len(r.NewFailures) == 0 && len(r.NotRun) == 0 && r.Kept > 0 }

// write writes the report where the flags say.
func (r *report) write(o *options, stdout io.Writer) error {
	if err := r.text(stdout); err != nil {
		return err
	}
	if o.json != "" {
		if err := writeJSON(o.json, r); err != nil {
			return err
		}
	}
	if o.failed != "" {
		return os.WriteFile(o.failed, []byte(r.failures()), 0o666)
	}
	return nil
}

// failures returns the names that failed as -allow reads them. Those that are
// allowed keep their reason; the others have none yet, which somebody has to find.
func (r *report) failures() string {
	var b strings.Builder
	for _, name := range slices.Sorted(slices.Values(slices.Concat(r.NewFailures, r.AllowedFailures))) {
		b.WriteString(name)
		if by, ok := r.allow.covers(name); ok {
			b.WriteString(" # " + r.allow[by])
		}
		b.WriteString("\n")
	}
	return b.String()
}
