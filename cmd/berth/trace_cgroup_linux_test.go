package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/berth-go/berth/internal/netlab"
)

// TestTraceCgroup watches what runs in a cgroup, and below it, and nothing beside it.
func TestTraceCgroup(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		group := newCgroup(t)
		s := newTraceServer(t)
		program := build(t, "./testdata/clients", "")
		inside, below, beside := startClient(t, program, "close-idle-shared", s.url, "50"), startClient(t, program, "raw-dial", s.url, "40"), startClient(t, program, "raw-dial", s.url, "30")
		join(t, group, inside.Process.Pid)
		join(t, filepath.Join(group, "below"), below.Process.Pid)
		tr := startTrace(t, "--json", "--for", "1h", "--cgroup", group)
		awaitLinks(t, 4) // the programs are met when they connect
		for _, c := range []*client{inside, below, beside} {
			c.work()
		}
		tr.cancel()
		if code := <-tr.done; code != exitOK {
			t.Fatalf("exit code %d, %s", code, tr.stderr.String())
		}
		got := map[int]int{}
		for _, g := range decodeTrace(t, tr.stdout.Bytes()).Groups {
			got[g.PID] = g.Connections
		}
		if len(got) != 2 || got[inside.Process.Pid] < 48 || got[below.Process.Pid] < 38 {
			t.Errorf("got %v", got)
		}
	})
}

// newCgroup makes one, with another one below it.
func newCgroup(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			group := filepath.Join(f[1], fmt.Sprintf("berth-test-%d", os.Getpid()))
			for _, dir := range []string{group, filepath.Join(group, "below")} {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := os.Remove(dir); err != nil {
						t.Error(err)
					}
				})
			}
			return group
		}
	}
	t.Fatal("no cgroup v2 is mounted")
	return ""
}

func join(t *testing.T, group string, pid int) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(fmt.Sprint(pid)), 0); err != nil {
		t.Fatal(err)
	}
}
