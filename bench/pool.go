package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/puddle/v2"
)

// A poolResult is the cycle of a pool without a socket: take one, give it back.
type poolResult struct {
	Name    string   `json:"name"`
	Procs   int      `json:"procs"`
	Ns      float64  `json:"ns"` // a cycle, of all procs together: median
	Allocs  float64  `json:"allocs"`
	Targets []target `json:"targets"`
}

var poolProcs = []int{1, 2}

func measurePool(ctx context.Context, o *options, r *report) error {
	if slices.Contains(o.clients, nameBerth) {
		results, err := hostCycle(ctx, o)
		if err != nil {
			return fmt.Errorf("berth: %w", err)
		}
		r.Pool = append(r.Pool, results...)
	}
	for _, peer := range []struct {
		name string
		pool func() (cycle func() error, close func())
	}{
		{"puddle", puddlePool},
		{"mutex and slice", slicePool},
	} {
		for _, procs := range poolProcs {
			cycle, stop := peer.pool()
			res, err := benchmark(ctx, o, peer.name, procs, cycle)
			stop()
			if err != nil {
				return fmt.Errorf("%s: %w", peer.name, err)
			}
			r.Pool = append(r.Pool, res)
		}
	}
	return nil
}

// poolSize is more than there are procs: nobody waits.
const poolSize = 16

func puddlePool() (cycle func() error, stop func()) {
	ctx := context.Background()
	p, err := puddle.NewPool(&puddle.Config[int]{
		Constructor: func(context.Context) (int, error) { return 0, nil },
		Destructor:  func(int) {},
		MaxSize:     poolSize,
	})
	if err != nil {
		return func() error { return err }, func() {}
	}
	return func() error {
		res, err := p.Acquire(ctx)
		if err != nil {
			return err
		}
		res.Release()
		return nil
	}, p.Close
}

// slicePool is the least that a pool can be: it has no limit, nobody waits, and
// nothing is known of what it holds.
func slicePool() (cycle func() error, stop func()) {
	var mu sync.Mutex
	idle := make([]*int, poolSize)
	return func() error {
		mu.Lock()
		last := len(idle) - 1
		c := idle[last]
		idle = idle[:last]
		mu.Unlock()

		mu.Lock()
		idle = append(idle, c)
		mu.Unlock()
		return nil
	}, func() {}
}

// benchmark runs the cycle on so many procs, as go test -bench does.
func benchmark(ctx context.Context, o *options, name string, procs int, cycle func() error) (poolResult, error) {
	fmt.Fprintf(o.progress, "pool: %s, %d procs\n", name, procs)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	var ns, allocs []float64
	for range o.cycles {
		if ctx.Err() != nil {
			return poolResult{}, ctx.Err()
		}
		var err error
		got := testing.Benchmark(func(b *testing.B) { err = parallel(b, cycle) })
		if err != nil {
			return poolResult{}, err
		}
		ns = append(ns, float64(got.T.Nanoseconds())/float64(got.N))
		allocs = append(allocs, float64(got.AllocsPerOp()))
	}
	return poolResult{Name: name, Procs: procs, Ns: median(ns), Allocs: median(allocs)}, nil
}

// parallel returns the error of the last proc that had one.
func parallel(b *testing.B, cycle func() error) (failed error) {
	var mu sync.Mutex // guards failed
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := cycle(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
				return
			}
		}
	})
	return failed
}

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
		{What: fmt.Sprintf("ns a cycle, %d procs", procs), Got: ns, AtMost: &most},
		{What: fmt.Sprintf("allocations a cycle, %d procs", procs), Got: allocs, AtMost: new(0.0)},
	}}
}
