package netlab

import (
	"errors"
	"fmt"
	"syscall"
)

// A Range is a stretch of ports, both ends included.
type Range struct{ Lo, Hi int }

// Len is how many ports the range holds.
func (r Range) Len() int { return r.Hi - r.Lo + 1 }

// String is how people write a range: 33000–33099.
func (r Range) String() string { return fmt.Sprintf("%d–%d", r.Lo, r.Hi) }

func (r Range) validate() error {
	if r.Lo < 1 || r.Hi > 65535 || r.Lo > r.Hi {
		return fmt.Errorf("%s is no range of ports", r)
	}
	return nil
}

// A Control prepares a socket before it connects: what net.Dialer and berth.Transport have a field for.
type Control = func(network, address string, c syscall.RawConn) error

// ErrNoRange is what [FreeRange] fails with on a machine that has ports, but not so many in a row.
var ErrNoRange = errors.New("not enough free ports in a row")

// PortRange returns a Control that makes each connection take its local port from
// lo to hi, both included. It works for TCP over IPv4 and IPv6, needs no privileges, and may be called from
// many goroutines.
//
// The dial fails with an error that matches errors.ErrUnsupported on a kernel before Linux 6.3 and on other
// systems. A bound outside the machine's own range (net.ipv4.ip_local_port_range) is ignored by the kernel
// without an error: [FreeRange] finds ports that hold.
func PortRange(lo, hi int) Control {
	r := Range{lo, hi}
	return func(_, _ string, c syscall.RawConn) error {
		if err := r.validate(); err != nil {
			return err
		}
		return limitPorts(c, r)
	}
}

// An unsupportedError says what a port range needs. It matches errors.ErrUnsupported and the kernel's refusal,
// where there was one.
type unsupportedError struct{ cause error }

func (e *unsupportedError) Error() string {
	const needs = "a port range of its own needs linux 6.3 or newer"
	if e.cause == nil {
		return needs
	}
	return needs + ": " + e.cause.Error()
}

func (e *unsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

func (e *unsupportedError) Unwrap() error { return e.cause }
