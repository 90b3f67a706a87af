package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/berth-go/berth/cmd/berth/internal/demo"
	"github.com/berth-go/berth/internal/netlab"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"berth": main})
}

// TestScripts is the command's contract, a story a file.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               goEnv,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"phase": phase,
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "portrange":
				return !errors.Is(netlab.Supported(), errors.ErrUnsupported), nil
			case "race":
				return raceEnabled, nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
	})
}

// goEnv has the go command, which berth vet calls, use the caches that it always uses.
func goEnv(env *testscript.Env) error {
	out, err := osexec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return err
	}
	lines := strings.Split(string(out), "\n")
	env.Setenv("GOCACHE", lines[0])
	env.Setenv("GOMODCACHE", lines[1])
	env.Setenv("GOPROXY", lines[2])
	env.Setenv("GOWORK", "off")
	return nil
}

// exits runs a command and wants an exit code: exits 2 berth demo --ports 0
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command...")
	}
	code := "0"
	var exit interface{ ExitCode() int }
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = strconv.Itoa(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// phase looks at the JSON that the last command printed: phase http.Transport connections=64 failed>0
func phase(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: phase name check...")
	}
	p := findPhase(ts, args[0])
	for _, check := range args[1:] {
		i := strings.IndexAny(check, "=>")
		if i < 0 {
			ts.Fatalf("%s: want field=value or field>number", check)
		}
		field, op, want := check[:i], check[i], check[i+1:]
		got, ok := p[field]
		if !ok {
			ts.Fatalf("%s has no %s", args[0], field)
		}
		if !holds(fmt.Sprint(got), op, want) {
			ts.Fatalf("%s: %s is %v, want %s", args[0], field, got, check)
		}
	}
}

func findPhase(ts *testscript.TestScript, name string) map[string]any {
	var r struct{ Phases []map[string]any }
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &r); err != nil {
		ts.Fatalf("stdout: %v", err)
	}
	for _, p := range r.Phases {
		if p["name"] == name {
			return p
		}
	}
	ts.Fatalf("no phase %s", name)
	return nil
}

func holds(got string, op byte, want string) bool {
	if op == '=' {
		return got == want
	}
	g, gerr := strconv.ParseFloat(got, 64)
	w, werr := strconv.ParseFloat(want, 64)
	return gerr == nil && werr == nil && g > w
}

func TestInterrupted(t *testing.T) {
	netlab.NeedPortRange(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := exec(ctx, []string{"demo"}, nil, &stdout, &stderr)
	if code != exitInterrupted || stderr.String() != "berth: interrupted\n" || stdout.Len() > 0 {
		t.Errorf("got exit code %d, %q, %q", code, stdout.String(), stderr.String())
	}
}

func TestNoIsNoError(t *testing.T) {
	defer func(v []verb) { verbs = v }(verbs)
	verbs = []verb{func() *command {
		return &command{Use: "no", RunE: func(*command, []string) error { return errNo }}
	}}
	var stderr bytes.Buffer
	if code := exec(t.Context(), []string{"no"}, nil, os.Stdout, &stderr); code != exitNo || stderr.Len() > 0 {
		t.Errorf("got exit code %d, %q; want %d and nothing", code, stderr.String(), exitNo)
	}
}

// TestStyle is for what is no terminal; testdata/terminal.txtar is for one.
func TestStyle(t *testing.T) {
	null, err := os.Open(os.DevNull) // a character device, and yet no terminal
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if got := style(null); got != (demo.Style{}) {
		t.Errorf("got %+v for %s", got, null.Name())
	}
	if got := style(&bytes.Buffer{}); got != (demo.Style{}) {
		t.Errorf("got %+v for a buffer", got)
	}
}
