package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// aReport has one of everything.
func aReport() *report {
	is := func(name string, r result, why string) outcome { return newOutcome(name, r, why) }
	r := newReport("go1.26.0", &subject{path: "example.org/pool", typ: "Transport", extraFields: []string{"MaxConns", "Timeout"}}, allowance{
		"TestProxy": "it needs a proxy", "TestReuse/h1": "mended since", "TestNotChosen": "-run left it out",
	})
	r.add(test{name: "TestReuse", file: "a_test.go"}, &testRun{elapsed: 1500 * time.Millisecond, flaky: true, stdTrips: 2,
		cases: []outcome{is("TestReuse/h1", pass, ""), is("TestReuse/h2", pass, "")}})
	r.add(test{name: "TestProxy", file: "a_test.go", weakened: "does not look"}, &testRun{
		cases: []outcome{is("TestProxy/h1", fail, "a_test.go:1: "+strings.Repeat("a long story ", 20)), is("TestProxy/h2unencrypted", skip, "not today")}})
	r.add(test{name: "TestDial", file: "b_test.go"}, &testRun{
		cases: []outcome{is("TestDial/https1", hang, "no progress for 6s; in dial"), is("TestDial/h1", pass, ""), is("TestDial/h1/cancel", drop, "needs a method")}})
	r.add(test{name: "TestCrash", file: "b_test.go"}, &testRun{cases: []outcome{is("TestCrash", crash, "panic: boom")}})
	r.add(test{name: "TestWhiteBox", file: "c_test.go", dropped: "a white-box test"}, nil)
	r.add(test{name: "TestHook", file: "c_test.go"}, &testRun{
		cases: []outcome{is("TestHook/h1", skip, "not today"), is("TestHook/h2", drop, "needs a hook")}})
	r.add(test{name: "TestLate", file: "c_test.go"}, nil)
	r.Build = 3
	r.finish(13 * time.Second)
	return r
}

func TestReportText(t *testing.T) {
	var got bytes.Buffer
	if err := aReport().text(&got); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "report.txt")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("not as in %s (-update writes it anew):\n%s", golden, &got)
	}
}

func TestReportGood(t *testing.T) {
	if aReport().good() {
		t.Error("a report with failures is good")
	}
	passes := &testRun{cases: []outcome{{"TestX", "", pass, ""}}}
	fails := &testRun{cases: []outcome{{"TestX", "", fail, "bad"}}}
	for _, tt := range []struct {
		name  string
		allow allowance
		run   *testRun
		want  bool
	}{
		{"it passes", nil, passes, true},
		{"it passes, and need not", allowance{"TestX": "why"}, passes, true},
		{"it fails", nil, fails, false},
		{"it may fail", allowance{"TestX": "why"}, fails, true},
		{"it did not run", allowance{"TestX": "why"}, nil, false},
	} {
		r := newReport("go1.26.0", &subject{}, tt.allow)
		r.add(test{name: "TestX"}, tt.run)
		r.finish(0)
		if r.good() != tt.want {
			t.Errorf("%s: good is %v", tt.name, r.good())
		}
	}
	if newReport("go1.26.0", &subject{}, nil).good() {
		t.Error("a report of nothing is good")
	}
}

// What -failed writes keeps the reasons that are known. -allow takes it once
// somebody has written the others.
func TestReportFailures(t *testing.T) {
	const want = "TestCrash\nTestDial/https1\nTestProxy/h1 # it needs a proxy\n"
	got := aReport().failures()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := parseAllowance(got); err == nil {
		t.Error("failures without a reason are read as allowed")
	}
	if a, err := parseAllowance(strings.NewReplacer("Crash", "Crash # why", "https1", "https1 # why").Replace(got)); err != nil || len(a) != 3 {
		t.Errorf("with a reason each: %v, %v", a, err)
	}
}

func TestReportWrite(t *testing.T) {
	dir := t.TempDir()
	o := &options{json: filepath.Join(dir, "r.json"), failed: filepath.Join(dir, "failed.txt")}
	r := aReport()
	var out bytes.Buffer
	if err := r.write(o, &out); err != nil {
		t.Fatal(err)
	}
	var back report
	if b, err := os.ReadFile(o.json); err != nil {
		t.Error(err)
	} else if err := json.Unmarshal(b, &back); err != nil {
		t.Error(err)
	}
	if !slices.Equal(back.NewFailures, r.NewFailures) || len(back.Results) != len(r.Results) || *back.Modes["h1"] != *r.Modes["h1"] {
		t.Errorf("read back: %+v", back)
	}
	if b, err := os.ReadFile(o.failed); err != nil || string(b) != r.failures() {
		t.Errorf("-failed wrote %q, %v", b, err)
	}
	if out.Len() == 0 {
		t.Error("no text")
	}
}

func TestList(t *testing.T) {
	var got bytes.Buffer
	err := list(&got, []test{{name: "TestX", file: "a_test.go"}, {name: "TestY", file: "a_test.go", dropped: "why", weakened: "no matter"}, {name: "TestZ", file: "b_test.go", weakened: "how"}})
	const want = "a_test.go TestX\na_test.go TestY  dropped: why\nb_test.go TestZ  weakened: how\n"
	if err != nil || got.String() != want {
		t.Errorf("got %s, %v; want %s", &got, err, want)
	}
}
