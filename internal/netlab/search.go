package netlab

import "fmt"

// search returns n ports in a row that are usable, trying from start to the end of the range and then from
// its beginning. It asks for each port at most twice.
func search(all Range, n, start int, usable func(port int) (bool, error)) (Range, error) {
	for _, part := range []Range{{start, all.Hi}, {all.Lo, min(start+n-2, all.Hi)}} {
		if r, err := firstRun(part, n, usable); err != nil || r != (Range{}) {
			return r, err
		}
	}
	return Range{}, fmt.Errorf("%w: want %d of %s", ErrNoRange, n, all)
}

// firstRun returns the first n ports in a row that are usable, or the zero Range.
func firstRun(within Range, n int, usable func(port int) (bool, error)) (Range, error) {
	free := 0
	for port := within.Lo; port <= within.Hi && within.Hi-port >= n-1-free; port++ {
		ok, err := usable(port)
		if err != nil {
			return Range{}, err
		}
		if free++; !ok {
			free = 0
		}
		if free == n {
			return Range{port - n + 1, port}, nil
		}
	}
	return Range{}, nil
}
