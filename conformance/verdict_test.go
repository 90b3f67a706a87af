package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// heard returns what the lines of a test binary say. A > stands for the mark
// that test2json's markers begin with.
func heard(lines string) *output {
	p := newOutput("TestX")
	for s := range strings.Lines(lines) {
		p.line(strings.ReplaceAll(strings.TrimSuffix(s, "\n"), ">", "\x16"))
	}
	return p
}

var aJudge = &judge{
	symbol:  "example.org/pool",
	sayings: map[string]saying{"a_test.go:1": saysError, "a_test.go:2": saysLog, "a_test.go:3": saysSkip},
}

func TestVerdict(t *testing.T) {
	exit1 := errors.New("exit status 1")
	for _, tt := range []struct {
		name, lines string
		end         end
		want        []outcome
		ended       bool
	}{
		{name: "subtests, one of which fails", end: end{exit: exit1}, lines: `
>=== RUN   TestX
>=== RUN   TestX/h1
    a_test.go:2: on the way
    a_test.go:1: got 1, want 2
    a_test.go:1: and that is not all
>--- FAIL: TestX/h1 (0.00s)
>=== RUN   TestX/h2
    a_test.go:2: on the way
>--- PASS: TestX/h2 (0.01s)
>=== NAME  TestX
>--- FAIL: TestX (0.01s)
`, want: []outcome{
			{"TestX/h1", "h1", fail, "a_test.go:1: got 1, want 2"},
			{"TestX/h2", "h2", pass, ""},
		}},
		{name: "a parent with an error of its own", end: end{exit: exit1}, lines: `
>=== RUN   TestX
>=== RUN   TestX/h1
>--- PASS: TestX/h1 (0.00s)
>=== NAME  TestX
    a_test.go:1: at the end
>--- FAIL: TestX (0.01s)
`, want: []outcome{{"TestX", "", fail, "a_test.go:1: at the end"}, {"TestX/h1", "h1", pass, ""}}},
		{name: "a parent that does not say why", end: end{exit: exit1}, lines: `
>=== RUN   TestX
>=== RUN   TestX/h1
>--- PASS: TestX/h1 (0.00s)
>--- FAIL: TestX (0.01s)
`, want: []outcome{{"TestX", "", fail, "it did not say why"}, {"TestX/h1", "h1", pass, ""}}},
		{name: "a helper's line, not what a server logs", end: end{exit: exit1}, lines: `
>=== RUN   TestX
    b_test.go:9: server log: EOF
    b_test.go:7: it only logs
    b_test.go:8: bad
>--- FAIL: TestX (0.01s)
`, want: []outcome{{"TestX", "", fail, "b_test.go:8: bad"}}},
		{name: "skipped and dropped, in a bubble too", lines: `
>=== RUN   TestX
>=== RUN   TestX/h1
    a_test.go:3: not today
>--- SKIP: TestX/h1 (0.00s)
>=== RUN   TestX/https1
    zz_conform_transport_test.go:80: conformance-drop: needs a hook
>--- SKIP: TestX/https1 (0.00s)
>=== RUN   TestX/h2
    a_test.go:3: nor now
>--- PASS: TestX/h2 (0.00s)
>--- PASS: TestX (0.00s)
`, want: []outcome{
			{"TestX/h1", "h1", skip, "not today"},
			{"TestX/https1", "https1", drop, "needs a hook"},
			{"TestX/h2", "h2", skip, "nor now"},
		}},
		{name: "output without a newline", lines: `
>=== RUN   TestX
no newline>--- PASS: TestX (0.00s)
`, want: []outcome{{"TestX", "", pass, ""}}},
		{name: "a hang", end: end{exit: exit1, hung: time.Second}, ended: true, lines: `
>=== RUN   TestX
>=== RUN   TestX/h1
>--- PASS: TestX/h1 (0.00s)
>=== RUN   TestX/h2
SIGQUIT: quit

goroutine 7 [select]:
internal/poll.runtime_pollWait(0x1, 0x2)
example.org/pool.(*Transport).RoundTrip(0xc000, 0xc001)
example.org/pool.caller(...)

goroutine 8 [select]:
example.org/pool.(*host).dial(0xc000)
`, want: []outcome{
			{"TestX/h1", "h1", pass, ""},
			{"TestX/h2", "h2", hang, "no progress for 1s; in (*Transport).RoundTrip, (*host).dial"},
		}},
		{name: "a crash", end: end{exit: exit1}, ended: true, lines: `
>=== RUN   TestX
>=== RUN   TestX/h1
    a_test.go:1: going down
panic: boom

goroutine 7 [running]:
main.main()
`, want: []outcome{{"TestX/h1", "h1", crash, "a_test.go:1: going down [then panic: boom]"}}},
		{name: "an exit in the middle", end: end{exit: exit1}, ended: true, lines: `
>=== RUN   TestX
>=== RUN   TestX/h1
>=== PAUSE TestX/h1
>=== RUN   TestX/h2
`, want: []outcome{{"TestX/h2", "h2", crash, "the process ended: exit status 1"}}},
		{name: "an exit code that says other than the lines", end: end{exit: exit1}, lines: `
>=== RUN   TestX
>--- PASS: TestX (0.00s)
PASS
`, want: []outcome{{"TestX", "", fail, "it passed, but its process ended with exit status 1"}}},
	} {
		got, ended := aJudge.verdict(heard(tt.lines), tt.end)
		if !slices.Equal(got, tt.want) || ended != tt.ended {
			t.Errorf("%s: got\n%+v, %v, want\n%+v, %v", tt.name, got, ended, tt.want, tt.ended)
		}
	}
}

func TestAudit(t *testing.T) {
	if p := heard(">=== RUN   TestX\n>--- PASS: TestX (0.00s)\nPASS\n" + auditMark + "7\n"); p.stdTrips != 7 {
		t.Errorf("got %d round trips, want 7", p.stdTrips)
	}
}

func TestProgress(t *testing.T) {
	p := newOutput("TestX")
	for line, want := range map[string]bool{
		"\x16=== RUN   TestX": true, "\x16=== PAUSE TestX": true, "\x16=== CONT  TestX": true, "\x16--- PASS: TestX (0.00s)": true,
		"\x16=== NAME  TestX": false, "    a_test.go:2: still here": false, "": false,
	} {
		if got := p.line(line); got != want {
			t.Errorf("%q: progress %v, want %v", line, got, want)
		}
	}
}

func TestModeOf(t *testing.T) {
	for name, want := range map[string]string{
		"TestX": "", "h1": "", "TestX/h1": "h1", "TestX/https1/deep": "https1", "TestX/table/h2": "h2",
		"TestX/h2unencrypted": "h2unencrypted", "TestX/h1x": "", "TestX/h1#01": "",
	} {
		if got := modeOf(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
