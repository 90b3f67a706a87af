//go:build !linux || berth_nowatch

package berth

import (
	"errors"
	"runtime"
)

const isWindows = runtime.GOOS == "windows"

func peekSocket(fd uintptr, b []byte) (int, error) { return 0, errors.ErrUnsupported }
