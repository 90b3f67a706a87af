package main

import (
	"math"
	"testing"
)

func TestGini(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{5, 5, 5}, 0},
		{[]float64{0, 0, 0, 8}, 0.75},
		{[]float64{1, 3}, 0.25},
		{[]float64{0, 0}, 0},
	} {
		if got := gini(tt.values); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("of %v it is %v, want %v", tt.values, got, tt.want)
		}
	}
}

// Pods come and go, and no request meets one that is gone.
func TestBalance(t *testing.T) {
	r := runBench(t, "-period", "100ms", "balance")
	if len(r.Balance) != len(balanced) {
		t.Fatalf("results %+v, want %d", r.Balance, len(balanced))
	}
	for _, b := range r.Balance {
		if b.Requests < 100 || b.Failed > 0 || b.Dials < podsUp || len(b.Periods) != balanceFor || b.Gini <= 0 || b.Gini >= 1 {
			t.Errorf("%+v", b)
		}
	}
}
