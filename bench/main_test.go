package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain is also the server, and a bench that dies, for the tests that start
// this binary once more.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case serveVerb:
			os.Exit(serve(os.Args[2:], os.Stderr))
		case labVerb:
			os.Exit(lab(os.Args[2:], os.Stdout, os.Stderr))
		case traceLabVerb:
			os.Exit(traceLab(os.Args[2:], os.Stdout, os.Stderr))
		case orphanVerb:
			os.Exit(orphan())
		}
	}
	os.Exit(m.Run())
}

// runBench runs the command and returns its report.
func runBench(t *testing.T, args ...string) report {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), append([]string{"-json"}, args...), &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr.Bytes())
	}
	var r report
	d := json.NewDecoder(&stdout)
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWrongUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"https"}, `no measurement "https"`},
		{[]string{"http", "idle"}, "one measurement or all"},
		{[]string{"-clients", "net/http,curl"}, `no client "curl"`},
		{[]string{"-rounds", "0"}, "at least 1"},
		{[]string{"-round", "1"}, "not defined: -round"},
	} {
		var stderr strings.Builder
		if code := run(t.Context(), test.args, io.Discard, &stderr); code != 2 || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("bench %v: exit code %d, want 2, and %q in\n%s", test.args, code, test.want, &stderr)
		}
	}
}

// soon calls do a moment after the first write.
type soon struct {
	io.Writer
	do func()
}

func (w soon) Write(b []byte) (int, error) {
	time.AfterFunc(20*time.Millisecond, w.do)
	return w.Writer.Write(b)
}

// An interrupt ends a measurement that would take for ever, wherever it is.
func TestInterrupt(t *testing.T) {
	for _, verb := range []string{"http", "idle", "spike", "balance", "pool"} {
		t.Run(verb, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stderr strings.Builder
			args := []string{"-clients", "net/http", "-requests", "1000000000", "-conns", "3500", "-spikes", "1000000000", "-cycles", "1000000000", "-period", "1h", verb}
			code := run(ctx, args, io.Discard, soon{&stderr, cancel})
			if code != 1 || !strings.Contains(stderr.String(), "interrupted") {
				t.Errorf("exit code %d, want 1, and %q in\n%s", code, "interrupted", &stderr)
			}
		})
	}
}
