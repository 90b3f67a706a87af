package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A checkResult is a whole process that looks at so many sockets, in a network
// namespace where nothing else is.
type checkResult struct {
	Name    string    `json:"name"`
	Sockets int       `json:"sockets"`
	Millis  float64   `json:"ms"`      // from start to exit: median
	CPU     float64   `json:"cpu_ms"`  // user and system: median
	Peak    float64   `json:"peak_mb"` // resident memory: the most of all runs
	Rounds  []float64 `json:"rounds_ms"`
	Targets []target  `json:"targets"`
}

// checkSizes are the numbers of sockets, and the milliseconds that berth check
// may take for them.
var checkSizes = []struct {
	sockets int
	atMost  float64
}{{10_000, 15}, {100_000, 60}, {500_000, 250}}

const checkMaxMB = 20

// measureCheck runs berth check beside ss. It needs Linux and root, for the
// namespaces, and says so where it has not.
func measureCheck(ctx context.Context, o *options, r *report) error {
	if err := canCheck(); err != nil {
		fmt.Fprintln(o.progress, "check: left out,", err)
		return nil
	}
	berth, remove, err := buildBerth(ctx)
	if err != nil {
		return err
	}
	defer remove()
	for _, size := range checkSizes {
		if size.sockets > o.sockets {
			continue
		}
		fmt.Fprintf(o.progress, "check: %d sockets\n", size.sockets)
		results, err := checkInLab(ctx, o, berth, size.sockets)
		if err != nil {
			return fmt.Errorf("%d sockets: %w", size.sockets, err)
		}
		for _, res := range results {
			if res.Name == nameBerthCheck {
				res.Targets = []target{
					{What: fmt.Sprintf("ms at %d sockets", size.sockets), Got: res.Millis, AtMost: new(size.atMost)},
					{What: fmt.Sprintf("MB at %d sockets", size.sockets), Got: res.Peak, AtMost: new(float64(checkMaxMB))},
				}
			}
			r.Check = append(r.Check, res)
		}
	}
	return nil
}

const nameBerthCheck = "berth check --json"

// buildBerth builds the command of this tree, without libc, as releases are. The
// caller removes it.
func buildBerth(ctx context.Context) (program string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "berth-bench-")
	if err != nil {
		return "", nil, err
	}
	program = filepath.Join(dir, "berth")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", "cmd", "berth"), "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("build berth: %w\n%s", err, out)
	}
	return program, func() { os.RemoveAll(dir) }, nil
}

func checkTable(t *table, results []checkResult) {
	t.begin("check: the whole process, in a network namespace of its own. Medians of %d runs", len(results[0].Rounds))
	t.row("command", "sockets", "ms", "min–max", "CPU ms", "peak MB")
	var targets []target
	for _, r := range results {
		t.row(r.Name, r.Sockets, figure(r.Millis), spread(r.Rounds), figure(r.CPU), figure(r.Peak))
		targets = append(targets, r.Targets...)
	}
	t.end(targets)
}
