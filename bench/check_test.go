package main

import (
	"testing"
)

// TestCheck measures the smallest size for real, once.
func TestCheck(t *testing.T) {
	if err := canCheck(); err != nil {
		t.Skip(err)
	}
	r := runBench(t, "-rounds", "1", "-sockets", "10000", "check")
	if len(r.Check) != 2 {
		t.Fatalf("got %+v", r.Check)
	}
	for _, c := range r.Check {
		if c.Sockets != 10_000 || c.Millis <= 0 || c.CPU <= 0 || c.Peak < 1 || len(c.Rounds) != 1 {
			t.Errorf("got %+v", c)
		}
	}
	if len(r.Check[0].Targets) != 2 {
		t.Errorf("targets %+v", r.Check[0].Targets)
	}
}
