//go:build !linux

package sockdiag

import (
	"errors"
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// A Reader works on Linux only.
type Reader struct{}

// Open works on Linux only: elsewhere its error matches errors.ErrUnsupported.
func Open() (*Reader, error) { return nil, errUnsupported }

// Dump works on Linux only: elsewhere its error matches errors.ErrUnsupported.
func Dump(Query, func(sock.Socket)) error { return errUnsupported }

// Close does nothing.
func (*Reader) Close() error { return nil }

// Dump fails, as Open does.
func (*Reader) Dump(Query, func(sock.Socket)) error { return errUnsupported }

// Read fails, as Open does.
func (*Reader) Read([]Query, func(), func(sock.Socket)) error { return errUnsupported }

var errUnsupported = fmt.Errorf("reading the kernel's sockets needs linux: %w", errors.ErrUnsupported)
