package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// hostBenchmark is in the library: what it measures is not exported.
const hostBenchmark = "HostTakePut"

// hostAtMost is what a cycle of berth's host may take, in nanoseconds.
var hostAtMost = map[int]float64{1: 60, 2: 120}

// hostCycle runs the library's own benchmark and reads what it prints.
func hostCycle(ctx context.Context, o *options) ([]poolResult, error) {
	fmt.Fprintf(o.progress, "pool: berth, go test -bench %s\n", hostBenchmark)
	cmd := exec.CommandContext(ctx, "go", "-C", "..", "test", "-run", "^$", "-bench", "^Benchmark"+hostBenchmark+"$",
		"-benchmem", "-cpu", "1,2", "-count", strconv.Itoa(o.cycles), ".")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go passes it on to the test
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return readBenchmark(string(out))
}

// benchmarkLine is like
//
//	BenchmarkHostTakePut-2   20481764   58.31 ns/op   0 B/op   0 allocs/op
//
// where no -2 is one proc.
var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark` + hostBenchmark + `(?:-(\d+))?\s+\d+\s+([\d.]+) ns/op.*?([\d.]+) allocs/op`)

// readBenchmark takes the medians out of the output of go test.
func readBenchmark(out string) ([]poolResult, error) {
	ns, allocs := map[int][]float64{}, map[int][]float64{}
	for _, m := range benchmarkLine.FindAllStringSubmatch(out, -1) {
		procs := 1
		if m[1] != "" {
			procs, _ = strconv.Atoi(m[1]) // digits, says the expression
		}
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, err
		}
		a, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			return nil, err
		}
		ns[procs], allocs[procs] = append(ns[procs], n), append(allocs[procs], a)
	}
	var results []poolResult
	for _, procs := range poolProcs {
		if len(ns[procs]) == 0 {
			return nil, fmt.Errorf("no Benchmark%s on %d procs in\n%s", hostBenchmark, procs, out)
		}
		results = append(results, hostResult(procs, median(ns[procs]), median(allocs[procs])))
	}
	return results, nil
}

func hostResult(procs int, ns, allocs float64) poolResult {
	most := hostAtMost[procs]
	return poolResult{Name: nameBerth, Procs: procs, Ns: ns, Allocs: allocs, Targets: []target{
		{What: "ns a cycle, " + onProcs(procs), Got: ns, AtMost: &most},
		{What: "allocations a cycle, " + onProcs(procs), Got: allocs, AtMost: new(0.0)},
	}}
}
