package netlab

import (
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestSearch(t *testing.T) {
	all := Range{100, 109}
	tests := []struct {
		name   string
		taken  []int
		n      int
		start  int
		want   Range
		wantOK bool
	}{
		{name: "from the start", n: 3, start: 104, want: Range{104, 106}, wantOK: true},
		{name: "up to the end", n: 3, start: 107, want: Range{107, 109}, wantOK: true},
		{name: "behind a taken port", taken: []int{105}, n: 3, start: 104, want: Range{106, 108}, wantOK: true},
		{name: "round to the beginning", n: 3, start: 108, want: Range{100, 102}, wantOK: true},
		{name: "across the start", taken: []int{100, 106}, n: 5, start: 103, want: Range{101, 105}, wantOK: true},
		{name: "the whole range", n: 10, start: 105, want: all, wantOK: true},
		{name: "one port", taken: []int{105}, n: 1, start: 105, want: Range{106, 106}, wantOK: true},
		{name: "more than the range", n: 11, start: 100},
		{name: "too many gaps", taken: []int{102, 105, 108}, n: 3, start: 101},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := search(all, tt.n, tt.start, func(port int) (bool, error) {
				if port < all.Lo || port > all.Hi {
					t.Errorf("asked for port %d, outside %s", port, all)
				}
				return !slices.Contains(tt.taken, port), nil
			})
			if got != tt.want || (err == nil) != tt.wantOK || errors.Is(err, ErrNoRange) == tt.wantOK {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestSearchStopsAtAnError(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	_, err := search(Range{1, 10}, 3, 1, func(int) (bool, error) { calls++; return false, broken })
	if err != broken || calls != 1 {
		t.Errorf("got %v after %d calls, want the error at once", err, calls)
	}
}

func TestPortRangeRefusesNonsense(t *testing.T) {
	for _, r := range []Range{{0, 10}, {10, 65536}, {11, 10}, {}} {
		d := net.Dialer{Control: PortRange(r.Lo, r.Hi)}
		c, err := d.Dial("tcp4", "127.0.0.1:1")
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "no range of ports") {
			t.Errorf("%s: got %v", r, err)
		}
	}
}

func TestUnsupported(t *testing.T) {
	const needs = "a port range of its own needs linux 6.3 or newer"
	for want, err := range map[string]error{
		needs:                                 &unsupportedError{},
		needs + ": " + syscall.EINVAL.Error(): &unsupportedError{syscall.EINVAL},
	} {
		if err.Error() != want || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got %q (unsupported: %t), want %q", err, errors.Is(err, errors.ErrUnsupported), want)
		}
	}
	if err := error(&unsupportedError{syscall.EINVAL}); !errors.Is(err, syscall.EINVAL) {
		t.Error("the kernel's own error is lost")
	}
}
