package main

import (
	"fmt"
	"syscall"
)

// allowFiles raises the limit of open files to n, for this process and the
// servers it starts. Go itself raises the limit, but only its own: a child gets
// what the shell had.
func allowFiles(n int) error {
	var has syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &has); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	want := has
	want.Cur = max(has.Max, uint64(n))
	want.Max = want.Cur // more than it was needs root
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want); err != nil {
		return fmt.Errorf("%d open files needed, %d allowed (fewer with -conns): %w", n, has.Max, err)
	}
	return nil
}
