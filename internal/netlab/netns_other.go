//go:build !linux

package netlab

import (
	"errors"
	"testing"
)

// possible says that this system can do what the package is for, given the privilege.
const possible = false

func runChild(t *testing.T) {
	t.Helper()
	lacking(t, errors.New("a network namespace needs linux"))
}

func inChild(t *testing.T, _ Config, _ func(*testing.T)) {
	t.Helper()
	t.Fatal("a child was started where there can be none")
}
