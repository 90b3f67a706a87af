package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestChild is what the processes of TestRunner run: this binary once more.
func TestChild(t *testing.T) {
	if os.Getenv("CONFORMANCE_CHILD") == "" {
		t.Skip("a part of TestRunner")
	}
	t.Run("passes", func(t *testing.T) {})
	t.Run("hangs", func(t *testing.T) { <-time.After(time.Hour) })
	t.Run("fails", func(t *testing.T) { t.Error("bad") })
	t.Run("crashes", func(t *testing.T) {
		go func() { panic("boom") }()
		<-time.After(time.Hour)
	})
	t.Run("comes after", func(t *testing.T) {})
}

// TestChildOfTwo passes, and its parent hangs.
func TestChildOfTwo(t *testing.T) {
	if os.Getenv("CONFORMANCE_CHILD") == "" {
		t.Skip("a part of TestRunner")
	}
	t.Run("passes", func(t *testing.T) {})
	<-time.After(time.Hour)
}

// A subtest that hangs or crashes takes none of the others along.
func TestRunner(t *testing.T) {
	r := childRunner(t)
	var told bytes.Buffer
	r.ended = &told
	runs := r.all(t.Context(), []test{{name: "TestChild"}, {name: "TestGone", dropped: "no reason"}, {name: "TestChildOfTwo"}}, time.Now().Add(time.Minute))
	want := map[string]result{
		"TestChild/passes": pass, "TestChild/hangs": hang, "TestChild/fails": fail, "TestChild/crashes": crash, "TestChild/comes_after": pass,
		"TestChildOfTwo/passes": pass, "TestChildOfTwo": hang,
	}
	if runs[1] != nil {
		t.Error("a dropped test has run")
	}
	for _, o := range slices.Concat(runs[0].cases, runs[2].cases) {
		if o.Result != want[o.Name] {
			t.Errorf("%+v, want %s", o, want[o.Name])
		}
		delete(want, o.Name)
		if o.Result == crash && o.Error != "panic: boom; in TestChild.func4.1" {
			t.Errorf("crashed with %q", o.Error)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if got := told.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "s TestChildOfTwo\n") {
		t.Errorf("told %q", got)
	}
}

func TestRunnerDeadline(t *testing.T) {
	runs := childRunner(t).all(t.Context(), []test{{name: "TestChild"}}, time.Now())
	if len(runs) != 1 || runs[0] != nil {
		t.Errorf("got %v past the deadline", runs)
	}
}

func TestInterrupt(t *testing.T) {
	r := childRunner(t)
	r.quiet, r.total = time.Hour, time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r.all(ctx, []test{{name: "TestChildOfTwo"}}, time.Now().Add(time.Minute))
}

func TestNoBinary(t *testing.T) {
	r := childRunner(t)
	r.bin += ".gone"
	run := r.test(t.Context(), "TestChild")
	if len(run.cases) != 1 || run.cases[0].Result != crash || run.cases[0].Name != "TestChild" {
		t.Errorf("got %+v", run.cases)
	}
}

func childRunner(t *testing.T) *runner {
	t.Helper()
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &runner{
		process: process{bin: bin, dir: t.TempDir(), env: []string{"CONFORMANCE_CHILD=1"}, quiet: time.Second, total: 10 * time.Second},
		judge:   judge{symbol: "github.com/berth-go/berth/conformance"},
		atOnce:  2,
	}
}
