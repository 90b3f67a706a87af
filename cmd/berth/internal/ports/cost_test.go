package ports

import (
	"testing"
	"time"
)

// TestConnectCost holds the estimate against what was measured: port-facts B5, 28,232 ports in TIME_WAIT.
func TestConnectCost(t *testing.T) {
	const us = time.Microsecond
	tests := []struct {
		name      string
		s         scan
		low, high time.Duration
	}{
		{"empty", scan{half: 14116, free: 14116}, 10 * us, 20 * us},
		{"40 %", scan{half: 14116, free: 2824, timeWait: 11292}, 10 * us, 20 * us},
		{"49.5 %", scan{half: 14116, free: 141, timeWait: 13975}, 10 * us, 40 * us},
		{"past half", scan{half: 14116, timeWait: 14116, other: 100}, 2300 * us, 2700 * us},
		{"full", scan{half: 14116, timeWait: 14116, other: 14116, none: true}, 4500 * us, 6000 * us},
		{"4,500 live", scan{half: 4500, live: 4500}, 250 * us, 310 * us},
		{"no port at all", scan{none: true}, 10 * us, 20 * us},
	}
	for _, tt := range tests {
		if got := Estimated.connect(tt.s); got < tt.low || got > tt.high {
			t.Errorf("%s: %v, want %v to %v", tt.name, got, tt.low, tt.high)
		}
	}
}
