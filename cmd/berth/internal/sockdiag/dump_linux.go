package sockdiag

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

const (
	netlinkSockDiag = 4 // NETLINK_SOCK_DIAG
	receiveSeconds  = 5 // a dump of 500,000 sockets takes 0.2

	// The kernel fills no more than 32 KiB in one receive. What it sends is a multiple of four bytes, so that a
	// buffer that was filled to its odd end was too small.
	bufferLen = 32<<10 + 3
)

// Dump calls visit for each socket of this network namespace that the query is about, as the kernel sends
// them. Nothing is kept: a dump of any size takes the same memory. The table goes on changing meanwhile, so a
// socket that opens or closes during the dump may be missing.
//
// The error is the kernel's: syscall.ENOENT, for one, where its tcp_diag module is missing. Or it is
// ErrInterrupted, after everything was visited.
func Dump(q Query, visit func(sock.Socket)) error {
	r, err := Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Dump(q, visit)
}

// A Reader dumps the sockets of the network namespace that its thread was in when it was opened. It is for one
// goroutine, and its zero value is of no use.
type Reader struct {
	fd  int
	buf []byte
}

// Open returns a Reader. The caller closes it.
func Open() (*Reader, error) {
	fd, err := open()
	if err != nil {
		return nil, said(err)
	}
	return &Reader{fd: fd, buf: make([]byte, bufferLen)}, nil
}

// Close closes the Reader's socket.
func (r *Reader) Close() error { return os.NewSyscallError("close", syscall.Close(r.fd)) }

// open returns a netlink socket that is connected to the kernel: what other processes send it is refused.
func open() (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netlinkSockDiag)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	timeout := syscall.Timeval{Sec: receiveSeconds}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout); err != nil {
		syscall.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		syscall.Close(fd)
		return -1, os.NewSyscallError("connect", err)
	}
	return fd, nil
}

// Dump is the function Dump on an open Reader.
func (r *Reader) Dump(q Query, visit func(sock.Socket)) error { return said(r.dump(q, visit)) }

// attempts is how often an interrupted dump is taken before it is given up.
const attempts = 4

// Read makes the dumps of several queries, one after the other. If one is interrupted, it begins anew with the
// first: begin is called before each attempt, so that the caller can forget what was visited.
func (r *Reader) Read(queries []Query, begin func(), visit func(sock.Socket)) (err error) {
	for range attempts {
		begin()
		if err = r.dumpAll(queries, visit); !errors.Is(err, ErrInterrupted) {
			break
		}
	}
	return said(err)
}

func (r *Reader) dumpAll(queries []Query, visit func(sock.Socket)) error {
	for _, q := range queries {
		if err := r.dump(q, visit); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) dump(q Query, visit func(sock.Socket)) error {
	if _, err := syscall.Write(r.fd, q.encode()); err != nil {
		return os.NewSyscallError("write", err)
	}
	interrupted := false
	for {
		b, err := r.receive()
		if err != nil {
			return err
		}
		v, err := decode(b, visit)
		interrupted = interrupted || v.interrupted
		switch {
		case err != nil:
			return err
		case v.done && interrupted:
			return ErrInterrupted
		case v.done:
			return nil
		}
	}
}

// receive returns the next datagram. It is read and not recvmsg, since that allocates the sender's address.
func (r *Reader) receive() ([]byte, error) {
	for {
		n, err := syscall.Read(r.fd, r.buf)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return nil, os.NewSyscallError("read", err)
		case n == len(r.buf):
			return nil, fmt.Errorf("%w: longer than %d bytes", errMalformed, n)
		default:
			return r.buf[:n], nil
		}
	}
}

func said(err error) error {
	if err != nil {
		return fmt.Errorf("read the kernel's sockets (NETLINK_SOCK_DIAG): %w", err)
	}
	return nil
}
