package main

import "testing"

// net/http is known: it dials for each request that finds no idle connection.
func TestSpike(t *testing.T) {
	r := runBench(t, "-spikes", "1", "-clients", "net/http", "spike")
	if len(r.Spike) != 1 || len(r.Spike[0].Dials) != 1 {
		t.Fatalf("results %+v, want one spike of net/http", r.Spike)
	}
	if got := r.Spike[0]; got.Dials[0] < 20 || got.Dials[0] > spikeBurst || got.Millis < 2 {
		t.Errorf("%+v", got)
	}
}
