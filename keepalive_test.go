package berth

import (
	"testing"
	"time"
)

func TestKeepAlive(t *testing.T) {
	tests := []struct {
		lists []string
		keep  time.Duration
		more  bool
	}{
		{nil, 0, true},
		{[]string{"timeout=5"}, 4 * time.Second, true},
		{[]string{"timeout=5, max=100"}, 4 * time.Second, true},
		{[]string{"timeout=5, max=0"}, 4 * time.Second, false},
		{[]string{"max=1"}, 0, true},
		{[]string{"timeout=1"}, 500 * time.Millisecond, true},
		{[]string{"timeout=2"}, time.Second, true},
		{[]string{"timeout=0"}, 0, false},
		{[]string{`Timeout = "30"`}, 29 * time.Second, true},
		{[]string{"timeout=5", "max=0"}, 4 * time.Second, false},
		{[]string{"timeout=-5"}, 0, true},
		{[]string{"timeout=99999999999999999999"}, 0, true},
		{[]string{"timeout"}, 0, true},
		{[]string{"300"}, 0, true}, // as some send it
	}
	for _, tt := range tests {
		if keep, more := keepAlive(tt.lists); keep != tt.keep || more != tt.more {
			t.Errorf("%q: %v, %v; want %v, %v", tt.lists, keep, more, tt.keep, tt.more)
		}
	}
}
