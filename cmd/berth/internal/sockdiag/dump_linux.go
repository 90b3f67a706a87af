package sockdiag

import (
	"fmt"
	"os"
	"syscall"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

const (
	netlinkSockDiag = 4        // NETLINK_SOCK_DIAG
	bufferLen       = 32 << 10 // the kernel fills no more than this in one receive
	receiveSeconds  = 5        // a dump of 500,000 sockets takes 0.2
)

// Dump calls visit for each socket of this network namespace that the query is about, as the kernel sends
// them. Nothing is kept: a dump of any size takes the same memory. The table goes on changing meanwhile, so a
// socket that opens or closes during the dump may be missing.
//
// The error is the kernel's: syscall.ENOENT, for one, where its tcp_diag module is missing.
func Dump(q Query, visit func(sock.Socket)) error {
	if err := dump(q, visit); err != nil {
		return fmt.Errorf("read the kernel's sockets (NETLINK_SOCK_DIAG): %w", err)
	}
	return nil
}

func dump(q Query, visit func(sock.Socket)) error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netlinkSockDiag)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	timeout := syscall.Timeval{Sec: receiveSeconds}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	kernel := &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}
	if err := syscall.Sendto(fd, q.encode(), 0, kernel); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	return receiveAll(fd, visit)
}

func receiveAll(fd int, visit func(sock.Socket)) error {
	buf := make([]byte, bufferLen)
	for {
		b, err := receive(fd, buf)
		if err != nil {
			return err
		}
		if done, err := decode(b, visit); done || err != nil {
			return err
		}
	}
}

// receive returns the next datagram that the kernel sent, and passes over those that other processes did.
func receive(fd int, buf []byte) ([]byte, error) {
	for {
		n, _, flags, from, err := syscall.Recvmsg(fd, buf, nil, 0)
		switch sender, ok := from.(*syscall.SockaddrNetlink); {
		case err == syscall.EINTR:
		case err != nil:
			return nil, os.NewSyscallError("recvmsg", err)
		case flags&syscall.MSG_TRUNC != 0:
			return nil, fmt.Errorf("%w: longer than %d bytes", errMalformed, len(buf))
		case ok && sender.Pid == 0:
			return buf[:n], nil
		}
	}
}
