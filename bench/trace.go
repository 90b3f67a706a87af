package main

import (
	"context"
	"fmt"
)

// A traceResult is what berth trace costs the program that it watches, and its
// server: their CPU, with it and without it, in turns.
type traceResult struct {
	Name    string    `json:"name"`
	Count   int       `json:"count"`      // of connections, or requests
	Without float64   `json:"without_us"` // CPU of one: median
	With    float64   `json:"with_us"`
	Ratios  []float64 `json:"ratios"`   // of each round: with it to without it
	Berth   float64   `json:"berth_ms"` // CPU of berth itself, its start included: median
	Targets []target  `json:"targets"`
}

// traceLoads are what is watched, and what may be added to its CPU.
var traceLoads = []struct {
	name   string // of the verb's flag too
	what   string
	count  int
	atMost float64
}{
	{"closes", "connect and close", 30_000, 1.05},
	{"pooled", "requests of a pool", 100_000, 1.01},
}

// measureTrace needs Linux and root, for eBPF, and says so where it has not.
func measureTrace(ctx context.Context, o *options, r *report) error {
	if err := canTrace(); err != nil {
		fmt.Fprintln(o.progress, "trace: left out,", err)
		return nil
	}
	berth, remove, err := buildBerth(ctx)
	if err != nil {
		return err
	}
	defer remove()
	for _, l := range traceLoads {
		count := max(l.count*o.requests/defaultRequests, 100)
		fmt.Fprintf(o.progress, "trace: %d of %s\n", count, l.what)
		res, err := traceInLab(ctx, o, berth, l.name, count)
		if err != nil {
			return fmt.Errorf("%s: %w", l.what, err)
		}
		res.Name = l.what
		res.Targets = []target{{What: fmt.Sprintf("CPU of %s, with berth trace: ratio", l.what), Got: median(res.Ratios), AtMost: new(l.atMost)}}
		r.Trace = append(r.Trace, res)
	}
	return nil
}

func traceTable(t *table, results []traceResult) {
	t.begin("trace: CPU of a program and its server, without and with berth trace --pid. Medians of %d rounds", len(results[0].Ratios))
	t.row("load", "count", "without, µs", "with, µs", "ratio", "min–max", "berth itself, ms")
	var targets []target
	for _, r := range results {
		t.row(r.Name, r.Count, figure(r.Without), figure(r.With), fmt.Sprintf("%.3f", median(r.Ratios)), spread(r.Ratios), figure(r.Berth))
		targets = append(targets, r.Targets...)
	}
	t.end(targets)
}
