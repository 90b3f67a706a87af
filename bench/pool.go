package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

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
	fmt.Fprintf(o.progress, "pool: %s, %s\n", name, onProcs(procs))
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

func onProcs(n int) string {
	if n == 1 {
		return "alone"
	}
	return fmt.Sprintf("%d procs", n)
}
