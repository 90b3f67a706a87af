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

// libraryBenchmarks are in the library: what they measure is not exported.
var libraryBenchmarks = []struct {
	name, shown string
	atMost      map[int]float64 // nanoseconds, by procs; nil is only reported
	allocs      bool            // it may have some
}{
	{"HostTakePut", nameBerth, map[int]float64{1: 60, 2: 120}, false},
	{"HostTakePutTold", nameBerth + ", Events and LeakAfter", nil, false},
	{"Stats", nameBerth + ", Stats of 10,000 hosts", map[int]float64{1: 5e6, 2: 5e6}, true},
}

// hostCycle runs the library's own benchmarks and reads what they print.
func hostCycle(ctx context.Context, o *options) (results []poolResult, err error) {
	var names []string
	for _, b := range libraryBenchmarks {
		names = append(names, b.name)
	}
	fmt.Fprintf(o.progress, "pool: berth, go test -bench %s\n", strings.Join(names, ", "))
	cmd := exec.CommandContext(ctx, "go", "-C", "..", "test", "-run", "^$", "-bench", "^Benchmark("+strings.Join(names, "|")+")$",
		"-benchmem", "-cpu", "1,2", "-count", strconv.Itoa(o.cycles), ".")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go passes it on to the test
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	for _, b := range libraryBenchmarks {
		read, err := readBenchmark(string(out), b.name)
		if err != nil {
			return nil, err
		}
		for _, res := range read {
			res.Name = b.shown
			if most, ok := b.atMost[res.Procs]; ok {
				res.Targets = append(res.Targets, target{What: res.Name + ": ns, " + onProcs(res.Procs), Got: res.Ns, AtMost: &most})
			}
			if !b.allocs {
				res.Targets = append(res.Targets, target{What: res.Name + ": allocations, " + onProcs(res.Procs), Got: res.Allocs, AtMost: new(0.0)})
			}
			results = append(results, res)
		}
	}
	return results, nil
}

// benchmarkLine is like
//
//	BenchmarkHostTakePut-2   20481764   58.31 ns/op   0 B/op   0 allocs/op
//
// where no -2 is one proc.
var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark(\w+?)(?:-(\d+))?\s+\d+\s+([\d.]+) ns/op.*?([\d.]+) allocs/op`)

// readBenchmark takes the medians of one benchmark out of the output of go test.
func readBenchmark(out, name string) ([]poolResult, error) {
	ns, allocs := map[int][]float64{}, map[int][]float64{}
	for _, m := range benchmarkLine.FindAllStringSubmatch(out, -1) {
		if m[1] != name {
			continue
		}
		procs := 1
		if m[2] != "" {
			procs, _ = strconv.Atoi(m[2]) // digits, says the expression
		}
		n, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			return nil, err
		}
		a, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			return nil, err
		}
		ns[procs], allocs[procs] = append(ns[procs], n), append(allocs[procs], a)
	}
	var results []poolResult
	for _, procs := range poolProcs {
		if len(ns[procs]) == 0 {
			return nil, fmt.Errorf("no Benchmark%s on %d procs in\n%s", name, procs, out)
		}
		results = append(results, poolResult{Procs: procs, Ns: median(ns[procs]), Allocs: median(allocs[procs])})
	}
	return results, nil
}
