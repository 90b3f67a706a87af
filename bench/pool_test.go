package main

import (
	"flag"
	"slices"
	"testing"
)

func TestPool(t *testing.T) {
	flag.Set("test.benchtime", "1000x")
	defer flag.Set("test.benchtime", "1s")
	r := runBench(t, "-cycles", "2", "-clients", "net/http", "pool")
	if len(r.Pool) != 4 {
		t.Fatalf("results %+v, want two pools on one and two procs", r.Pool)
	}
	for _, p := range r.Pool {
		if p.Ns <= 0 || p.Allocs != 0 || p.Procs < 1 || p.Procs > 2 {
			t.Errorf("%+v", p)
		}
	}
}

const benchmarkOutput = `goos: linux
pkg: github.com/berth-go/berth
BenchmarkHostTakePut     	20481764	        58.31 ns/op	       0 B/op	       0 allocs/op
BenchmarkHostTakePut     	20481764	        56.00 ns/op	       0 B/op	       0 allocs/op
BenchmarkHostTakePut     	20481764	       100.0 ns/op	       1 B/op	       1 allocs/op
BenchmarkHostTakePut-2   	10481764	       130 ns/op	       0 B/op	       0 allocs/op
BenchmarkHostTakePutMore-2   	10481764	       1 ns/op	       0 B/op	       0 allocs/op
PASS
`

func TestReadBenchmark(t *testing.T) {
	got, err := readBenchmark(benchmarkOutput, "HostTakePut")
	if err != nil {
		t.Fatal(err)
	}
	want := []poolResult{{Procs: 1, Ns: 58.31}, {Procs: 2, Ns: 130}}
	same := func(a, b poolResult) bool { return a.Procs == b.Procs && a.Ns == b.Ns && a.Allocs == b.Allocs }
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := readBenchmark("PASS\n", "HostTakePut"); err == nil {
		t.Error("output without the benchmark passes")
	}
}
