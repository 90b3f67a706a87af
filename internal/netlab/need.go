package netlab

import (
	"errors"
	"os"
	"strconv"
	"testing"
)

// NeedPortRange skips a test where [PortRange] does not work, with the reason. Where the environment says
// CI=true, and the system is Linux, the test fails instead: nobody reads skips there.
func NeedPortRange(t *testing.T) {
	t.Helper()
	if err := Supported(); errors.Is(err, errors.ErrUnsupported) {
		lacking(t, err)
	}
}

// NeedRoot does the same where the test is not root's.
func NeedRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		lacking(t, errors.New("it needs root"))
	}
}

// lacking ends a test that cannot have what it needs.
func lacking(t *testing.T, why error) {
	t.Helper()
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci && possible {
		t.Fatalf("CI must be able to run this: %v", why)
	}
	t.Skip(why)
}
