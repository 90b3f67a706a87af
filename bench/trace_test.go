package main

import "testing"

// TestTrace measures small loads for real, once.
func TestTrace(t *testing.T) {
	if err := canTrace(); err != nil {
		t.Skip(err)
	}
	r := runBench(t, "-rounds", "1", "-requests", "400", "trace")
	if len(r.Trace) != len(traceLoads) {
		t.Fatalf("got %+v", r.Trace)
	}
	for _, res := range r.Trace {
		if res.Count < 100 || res.Without <= 0 || res.With <= 0 || res.Berth <= 0 || len(res.Ratios) != 1 || len(res.Targets) != 1 {
			t.Errorf("got %+v", res)
		}
	}
}
