package sockdiag

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// A Listener hears of each TCP socket of its network namespace that ends (SKNLGRP_INET_TCP_DESTROY and its sister of
// IPv6). It needs no privileges. One that goes to TIME_WAIT ends as it does so. The kernel no longer says where one
// was connected to that was reset, nor which state it was in.
type Listener struct {
	f   *os.File
	buf []byte
}

// From include/uapi/linux/sock_diag.h: a group's number less one is its bit.
const (
	groupTCP4 = 1 << (1 - 1) // SKNLGRP_INET_TCP_DESTROY
	groupTCP6 = 1 << (3 - 1) // SKNLGRP_INET6_TCP_DESTROY
)

// listenBuffer is what may wait while we are busy: some 30,000 sockets. Beyond that the kernel drops.
const listenBuffer = 8 << 20

// Listen begins to listen. The caller closes the Listener.
func Listen() (*Listener, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, netlinkSockDiag)
	if err != nil {
		return nil, said(os.NewSyscallError("socket", err))
	}
	// The limit of net.core.rmem_max holds without privileges.
	if syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, listenBuffer) != nil {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, listenBuffer)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: groupTCP4 | groupTCP6}); err != nil {
		syscall.Close(fd)
		return nil, said(os.NewSyscallError("bind", err))
	}
	return &Listener{f: os.NewFile(uintptr(fd), "netlink"), buf: make([]byte, bufferLen)}, nil
}

// Next waits for sockets that ended and calls visit for each. It reports whether the kernel had to drop some, and
// returns os.ErrClosed after Close.
func (l *Listener) Next(visit func(sock.Socket)) (dropped bool, err error) {
	n, err := l.f.Read(l.buf)
	switch {
	case errors.Is(err, syscall.ENOBUFS):
		return true, nil
	case err != nil:
		return false, err
	}
	if _, err := decode(l.buf[:n], visit); err != nil {
		return false, fmt.Errorf("read of sockets that ended: %w", err)
	}
	return false, nil
}

// Pending reports whether more is to be read at once.
func (l *Listener) Pending() bool {
	raw, err := l.f.SyscallConn()
	if err != nil {
		return false
	}
	pending := false
	_ = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		pending = err != syscall.EAGAIN
	})
	return pending
}

// Close ends Next too.
func (l *Listener) Close() error { return l.f.Close() }
