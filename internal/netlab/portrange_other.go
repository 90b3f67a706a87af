//go:build !linux

package netlab

import "syscall"

func limitPorts(syscall.RawConn, Range) error { return &unsupportedError{} }

// Supported returns nil where [PortRange] works, and else an error that says what it needs and matches
// errors.ErrUnsupported.
func Supported() error { return &unsupportedError{} }

// FreeRange works on Linux only: elsewhere its error matches errors.ErrUnsupported.
func FreeRange(int) (Range, error) { return Range{}, &unsupportedError{} }
