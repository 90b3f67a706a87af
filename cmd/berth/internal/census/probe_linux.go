package census

import (
	"syscall"
)

// ipLocalPortRange is IP_LOCAL_PORT_RANGE of linux/in.h: since Linux 6.3 it gives one socket a range of its own.
const ipLocalPortRange = 51

var loopback = [4]byte{127, 0, 0, 1}

// isBound asks whether a bound socket holds the port, which connect passes over whatever the destination. It
// connects from that port to one where nobody listens: the kernel has refused before connect returns, so that
// nothing is left behind. Where it cannot tell, it says no.
func isBound(port, quiet uint16) bool {
	fd, err := socketFrom(port, port, syscall.SOCK_NONBLOCK)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	err = syscall.Connect(fd, &syscall.SockaddrInet4{Addr: loopback, Port: int(quiet)})
	return err == syscall.EADDRNOTAVAIL
}

// socketFrom returns a socket that connects from one of the ports.
func socketFrom(lo, hi uint16, flags int) (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|flags, 0)
	if err != nil {
		return -1, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipLocalPortRange, int(hi)<<16|int(lo)); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}
