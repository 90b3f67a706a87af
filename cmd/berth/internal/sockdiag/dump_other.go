//go:build !linux

package sockdiag

import (
	"errors"
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// Dump works on Linux only: elsewhere its error matches errors.ErrUnsupported.
func Dump(Query, func(sock.Socket)) error {
	return fmt.Errorf("reading the kernel's sockets needs linux: %w", errors.ErrUnsupported)
}
