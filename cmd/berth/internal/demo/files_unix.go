//go:build unix

package demo

import (
	"fmt"
	"os"
	"syscall"
)

// checkFiles says no before sockets fail for want of descriptors, which would look like another story.
func checkFiles(need int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	if uint64(need) > uint64(limit.Cur) {
		return fmt.Errorf("this needs %s open files and the limit is %s (ulimit -n): try fewer --callers",
			count(need), count(int(limit.Cur)))
	}
	return nil
}
