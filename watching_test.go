//go:build linux && !berth_nowatch

package berth_test

// watches: idle connections with a descriptor have no goroutine.
const watches = true
