//go:build !linux || berth_nowatch

package berth_test

const watches = false
