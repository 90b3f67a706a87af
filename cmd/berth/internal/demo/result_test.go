package demo

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files")

const noPort = "connect: cannot assign requested address"

// usual is what a quiet machine shows.
func usual() *Result {
	return &Result{Ports: 64, Requests: 2000, Callers: 16, Phases: []Phase{
		{Name: "connection-per-request", OK: 64, Failed: 1936, FirstError: noPort, Connections: 64, TimeWait: 64,
			Seconds: 0.076225, RequestsPerSecond: 839.6},
		{Name: "http.Transport", OK: 151, Failed: 1849, FirstError: noPort, Connections: 64, TimeWait: 62,
			Seconds: 0.069736, RequestsPerSecond: 2165.3},
		{Name: "berth.Transport", OK: 2000, Connections: 16,
			Seconds: 0.044692, RequestsPerSecond: 44750.4},
	}}
}

// slow is a loaded machine, where ports come back while the clients run, and where time is up for one.
func slow() *Result {
	r := usual()
	r.Requests = 1_000_000
	r.Phases[0] = Phase{Name: "connection-per-request", OK: 128, Failed: 1247, FirstError: noPort, Connections: 128,
		TimeWait: 64, Seconds: 2.2, RequestsPerSecond: 58.2, TimedOut: true}
	r.Phases[1] = Phase{Name: "http.Transport", OK: 217, Failed: 2720, FirstError: noPort, Connections: 122,
		TimeWait: 62, Seconds: 2.3, RequestsPerSecond: 94.3, TimedOut: true}
	r.Phases[2] = Phase{Name: "berth.Transport", OK: 18_997, Connections: 17, Seconds: 2.2,
		RequestsPerSecond: 8635, TimedOut: true}
	return r
}

func enough() *Result {
	r := usual()
	r.Ports, r.Requests = 100, 50
	for i, connections := range []int{50, 8, 17} {
		r.Phases[i] = Phase{Name: r.Phases[i].Name, OK: 50, Connections: connections, TimeWait: connections - 8,
			Seconds: 0.01, RequestsPerSecond: 5000}
	}
	return r
}

func fewCallers() *Result {
	r := usual()
	r.Callers = 1
	r.Phases[1] = Phase{Name: "http.Transport", OK: 2000, Connections: 1, Seconds: 0.1, RequestsPerSecond: 20000}
	return r
}

func notCured() *Result {
	r := usual()
	r.Phases[2] = Phase{Name: "berth.Transport", OK: 1997, Failed: 3, FirstError: noPort, Connections: 64}
	return r
}

func otherFault() *Result {
	r := usual()
	r.Phases[0].FirstError = "read: connection reset by peer"
	r.Phases[1] = Phase{Name: "http.Transport", OK: 2000, Connections: 40, TimeWait: 38}
	return r
}

func TestText(t *testing.T) {
	tests := []struct {
		golden string
		result *Result
		style  Style
	}{
		{"piped", usual(), Style{}},
		{"80", usual(), Style{Width: 80}},
		{"80-color", usual(), Style{Width: 80, Color: true}},
		{"200", usual(), Style{Width: 200}},
		{"200-color", usual(), Style{Width: 200, Color: true}},
		{"slow", slow(), Style{}},
		{"enough", enough(), Style{}},
		{"few-callers", fewCallers(), Style{}},
		{"not-cured", notCured(), Style{}},
		{"other-fault", otherFault(), Style{}},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			var b strings.Builder
			if err := tt.result.WriteText(&b, tt.style); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.golden+".txt", b.String())
			if !tt.style.Color {
				wantFits(t, b.String(), max(tt.style.Width, 80), 25)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := slow().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "slow.json", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant, by %s:\n%s", got, file, want)
	}
}

func wantFits(t *testing.T, text string, columns, lines int) {
	t.Helper()
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(all) > lines {
		t.Errorf("%d lines, want no more than %d", len(all), lines)
	}
	for _, l := range all {
		if n := utf8.RuneCountInString(l); n > columns || strings.HasSuffix(l, " ") {
			t.Errorf("%d columns or a space at the end, in a screen of %d: %q", n, columns, l)
		}
	}
}

func TestTextOfTheLargest(t *testing.T) {
	r := usual()
	r.Ports, r.Requests, r.Callers = MaxPorts, MaxRequests, MaxCallers
	for i := range r.Phases {
		r.Phases[i] = Phase{Name: r.Phases[i].Name, OK: 9_999_999, Failed: 1_000_000, FirstError: noPort,
			Connections: 9_999_999, TimeWait: 4096, Seconds: 2.7, RequestsPerSecond: 999_999, TimedOut: true}
	}
	var b strings.Builder
	r.WriteText(&b, Style{})
	wantFits(t, b.String(), 80, 26)
}

func TestCured(t *testing.T) {
	tests := []struct {
		last Phase
		want bool
	}{
		{Phase{OK: 2000}, true},
		{Phase{OK: 1500, TimedOut: true}, true},
		{Phase{OK: 1999, Failed: 1}, false},
		{Phase{}, false},
	}
	for _, tt := range tests {
		r := usual()
		r.Phases[2] = tt.last
		if got := r.Cured(); got != tt.want {
			t.Errorf("%+v: cured %t, want %t", tt.last, got, tt.want)
		}
	}
}

func TestSetTime(t *testing.T) {
	p := Phase{OK: 64, Failed: 1936}
	p.setTime(233_812_345 * time.Nanosecond)
	if p.Seconds != 0.233812 || p.RequestsPerSecond != 273.7 {
		t.Errorf("got %v s, %v/s; want 0.233812, and 273.7 that succeeded", p.Seconds, p.RequestsPerSecond)
	}
	p = Phase{OK: 1}
	p.setTime(0)
	if p.RequestsPerSecond != 0 {
		t.Errorf("got %v/s in no time", p.RequestsPerSecond)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{
		0: "0", 999: "999", 1000: "1,000", 28232: "28,232", 10_000_000: "10,000,000", -5: "-5", -100: "-100", -1000: "-1,000",
	} {
		if got := count(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, "\n"},
		{"one", 10, "one\n"},
		{"one two three", 7, "one two\nthree\n"},
		{"one two three", 6, "one\ntwo\nthree\n"},
		{"a longerthanallowed word", 5, "a\nlongerthanallowed\nword\n"},
		{"ö ö ö", 3, "ö ö\nö\n"},
		{"one\ntwo", 10, "one two\n"},
	}
	for _, tt := range tests {
		if got := wrap(tt.text, tt.width); got != tt.want {
			t.Errorf("%q in %d columns: got %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

func TestProgressString(t *testing.T) {
	for want, p := range map[string]Progress{
		"http.Transport  1,240 of 2,000 requests, 312 failed": {"http.Transport", 1240, 2000, 312},
		"berth.Transport  0 of 1 request":                     {"berth.Transport", 0, 1, 0},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
