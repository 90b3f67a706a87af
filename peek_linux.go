//go:build !berth_nowatch

package berth

import "syscall"

const isWindows = false

// peekSocket looks for a byte or an end of the stream, without waiting and
// without taking it. Nothing there is EAGAIN.
func peekSocket(fd uintptr, b []byte) (n int, err error) {
	n, _, err = syscall.Recvfrom(int(fd), b, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return n, err
}
