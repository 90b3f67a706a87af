package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

var modeTitles = map[string]string{
	"h1": "HTTP/1", "https1": "HTTP/1 over TLS", "h2": "HTTP/2", "h2unencrypted": "HTTP/2 without TLS", "": "no mode",
}

// text prints the report: counts first, then what wants a look, and last what
// says whether the run is worth anything.
func (r *report) text(w io.Writer) error {
	t := &page{}
	r.counts(t)
	r.failed(t)
	t.names("not run, the budget of time was spent", r.NotRun)
	t.names("flaky (failed, then passed)", r.namesOf(func(t testResult) bool { return t.Flaky }))
	t.names("allowed to fail, but did not", r.AllowedButPass)
	t.names("weakened (-list tells how)", r.namesOf(func(t testResult) bool { return t.Weakened != "" }))
	t.reasons("dropped", r.Dropped)
	t.reasons("dropped parts of kept tests", r.DroppedCases)
	std := r.namesOf(func(t testResult) bool { return t.StdRoundTrips > 0 })
	t.line("\nnet/http's own HTTP/1 transport was at work in %d tests", len(std))
	t.line("failures that are not allowed: %d", len(r.NewFailures))
	_, err := w.Write(t.Bytes())
	return err
}

func (r *report) counts(t *page) {
	t.line("net/http client tests (%s) against %s.%s", r.Go, r.Import, r.Type)
	t.line("kept %d of %d tests: %d passed, %d failed, %d skipped themselves; %d dropped",
		r.Kept, r.Total, r.Tests.Pass, r.Tests.Fail, r.Tests.Skip, r.Tests.Drop)
	t.count("cases", r.Cases)
	for _, m := range append(modes[:len(modes):len(modes)], "") {
		if c := r.Modes[m]; c != nil {
			t.count(modeTitles[m], *c)
		}
	}
	t.line("%.0f s, of it %.0f s to build", r.Seconds, r.Build)
	if len(r.extraFields) > 0 {
		t.line("fields that http.Transport lacks, left at their zero value: %s", strings.Join(r.extraFields, ", "))
	}
}

func (r *report) failed(t *page) {
	title := "\nfailed:"
	for o := range r.cases {
		if !o.failed() {
			continue
		}
		if title != "" {
			t.line("%s", title)
			title = ""
		}
		mark := ""
		if _, ok := r.allow.covers(o.Name); ok {
			mark = " (allowed)"
		}
		why := shorten(o.Error, 200)
		if o.Result != fail {
			why = strings.ToUpper(string(o.Result)) + ": " + why
		}
		t.line("  %s%s\n      %s", o.Name, mark, why)
	}
}

func shorten(s string, to int) string {
	if len(s) <= to {
		return s
	}
	return strings.ToValidUTF8(s[:to], "") + "..."
}

func (r *report) namesOf(is func(testResult) bool) (names []string) {
	for _, t := range r.Results {
		if is(t) {
			names = append(names, t.Name)
		}
	}
	return names
}

// A page is a text that is written as a whole.
type page struct{ bytes.Buffer }

func (t *page) line(format string, args ...any) {
	fmt.Fprintf(t, format+"\n", args...)
}

func (t *page) count(title string, c count) {
	t.line("  %-20s %4d passed %4d failed %3d skipped %3d dropped", title, c.Pass, c.Fail, c.Skip, c.Drop)
}

func (t *page) names(title string, names []string) {
	if len(names) > 0 {
		t.line("\n%s: %s", title, strings.Join(names, " "))
	}
}

func (t *page) reasons(title string, ds []dropped) {
	if len(ds) == 0 {
		return
	}
	t.line("\n%s:", title)
	for _, d := range ds {
		t.line("  %s: %s", d.Name, d.Reason)
	}
}
