package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/report"
	"github.com/berth-go/berth/internal/netlab"
)

// TestCheckFilters asks for one destination, one process and each level, where one destination is in trouble and
// another is not.
func TestCheckFilters(t *testing.T) {
	netlab.Run(t, netlab.Config{Range: few}, func(t *testing.T) {
		l := &lab{T: t}
		l.transportPerCall()
		other := l.connect("127.0.0.1:9998")
		pid := fmt.Sprint(os.Getpid())
		tests := []struct {
			args         string
			destinations []string
			exit         int
		}{
			{"", []string{server}, exitNo},
			{"--all", []string{server, other}, exitNo},
			{server, []string{server}, exitNo},
			{"localhost:9999", []string{server}, exitNo},
			{other, []string{other}, exitOK},
			{"127.0.0.1:9997", nil, exitOK},
			{"--fail-at slow", []string{server}, exitNo},
			{"--fail-at critical", []string{server}, exitNo},
			{"--fail-at exhausted", []string{server}, exitOK},
			{"--all --pid " + pid, []string{server, other}, exitNo},
			{"--calibrate", []string{server}, exitNo},
		}
		for _, tt := range tests {
			got, exit := l.destinations(strings.Fields(tt.args)...)
			if !slices.Equal(got, tt.destinations) || exit != tt.exit {
				t.Errorf("%s: got %q, exit code %d; want %q, %d", tt.args, got, exit, tt.destinations, tt.exit)
			}
		}
		l.wantOwner(pid)
	})
}

// connect holds one connection to a server of its own.
func (l *lab) connect(address string) string {
	l.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		l.Fatal(err)
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { c.Close(); ln.Close() })
	return address
}

// destinations are those that berth check reports, in its order.
func (l *lab) destinations(args ...string) (all []string, code int) {
	l.Helper()
	r, code := l.report(args...)
	for _, d := range r.Destinations {
		all = append(all, d.Destination)
	}
	return all, code
}

func (l *lab) report(args ...string) (r report.Report, code int) {
	l.Helper()
	var stdout, stderr bytes.Buffer
	code = exec(l.Context(), append([]string{"check", "--json"}, args...), nil, &stdout, &stderr)
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		l.Fatalf("%q: exit code %d, %v, %s", args, code, err, stderr.String())
	}
	return r, code
}

// wantOwner wants this process to be named, and to be told in the words of its language: this is a Go
// program.
func (l *lab) wantOwner(pid string) {
	l.Helper()
	text := strings.Join(strings.Fields(l.text()), " ")
	for _, want := range []string{"(pid " + pid + ",", "in Go, close each response body, and make one http.Transport, not one a call (docs/clients.md#go)"} {
		if !strings.Contains(text, want) {
			l.Errorf("%q is not in %s", want, text)
		}
	}
}

func TestCheckCannotLook(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := exec(t.Context(), []string{"check", "--pid", "4194305"}, nil, &stdout, &stderr) // beyond the highest there is
	if code != exitTrouble || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "berth: ") || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("got exit code %d, %q, %q; want a sentence on stderr", code, stdout.String(), stderr.String())
	}
}

func TestResolve(t *testing.T) {
	tests := []struct {
		in, want string // an empty want is an error
	}{
		{"10.0.3.7:8080", "10.0.3.7:8080"},
		{"10.0.3.7:http", "10.0.3.7:80"},
		{"[2001:db8:0::7]:443", "[2001:db8::7]:443"},
		{"[::ffff:10.0.3.7]:80", "10.0.3.7:80"},
		{"[fe80::1%lo]:80", "[fe80::1]:80"},
		{"10.0.3.7:0", ""},
		{"10.0.3.7", ""},
		{"10.0.3.7:", ""},
		{":80", ""},
		{"10.0.3.7:no-such-service", ""},
		{"10.0.3.7:65536", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got, err := resolve(t.Context(), "check", tt.in)
		if tt.want == "" && err == nil || tt.want != "" && !slices.Equal(got, []netip.AddrPort{netip.MustParseAddrPort(tt.want)}) {
			t.Errorf("%q: got %v, %v; want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestCheckLevel(t *testing.T) {
	for name, want := range map[string]diagnose.Level{"slow": diagnose.Slow, "critical": diagnose.Critical, "exhausted": diagnose.Exhausted} {
		if got := (&checkFlags{failAt: choice{is: name}}).level(); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// TestCheckInterrupted: a look that was interrupted reports nothing.
func TestCheckInterrupted(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var stdout, stderr bytes.Buffer
		if code := exec(ctx, []string{"check"}, nil, &stdout, &stderr); code != exitInterrupted || stdout.Len() > 0 {
			t.Errorf("got exit code %d, %q, %q", code, stdout.String(), stderr.String())
		}
	})
}
