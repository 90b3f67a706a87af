// Package sockdiag reads the kernel's table of TCP sockets through NETLINK_SOCK_DIAG, which needs no
// privileges. The codec is made of pure functions; the system calls are in dump_linux.go.
package sockdiag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// A Family is one of the kernel's two tables. A dump reads one of them.
type Family uint8

// The families, by the kernel's numbers.
const (
	IPv4 Family = 2
	IPv6 Family = 10
)

// A Query says which sockets a dump is about. The kernel applies it, so that what does not match costs little.
type Query struct {
	Family     Family
	States     sock.States
	RemotePort uint16 // zero for every port
}

// From include/uapi/linux: netlink.h, sock_diag.h, inet_diag.h.
const (
	headerLen  = 16 // struct nlmsghdr
	requestLen = 56 // struct inet_diag_req_v2
	messageLen = 72 // struct inet_diag_msg, before its attributes

	typeNoop   = 1  // NLMSG_NOOP
	typeError  = 2  // NLMSG_ERROR
	typeDone   = 3  // NLMSG_DONE
	typeSocket = 20 // SOCK_DIAG_BY_FAMILY

	flagRequest = 0x1   // NLM_F_REQUEST
	flagDump    = 0x300 // NLM_F_DUMP

	protocolTCP = 6
)

// native is the byte order of netlink's own fields. Ports and addresses are in network order.
var native = binary.NativeEndian

var errMalformed = errors.New("malformed reply from the kernel")

// encode returns the request: an nlmsghdr and an inet_diag_req_v2.
func (q Query) encode() []byte {
	b := make([]byte, headerLen+requestLen)
	native.PutUint32(b[0:], uint32(len(b)))
	native.PutUint16(b[4:], typeSocket)
	native.PutUint16(b[6:], flagRequest|flagDump)
	r := b[headerLen:]
	r[0], r[1] = byte(q.Family), protocolTCP
	native.PutUint32(r[4:], uint32(q.States))
	binary.BigEndian.PutUint16(r[10:], q.RemotePort)
	return b
}

// decode reads what one receive returned, calls visit for each socket in it, and reports whether the dump is
// over. The sockets before an error have been visited.
//
// NLM_F_DUMP_INTR is not looked at: the kernel walks the table bucket by bucket while it changes, so that no
// dump is of one moment, flag or not.
func decode(b []byte, visit func(sock.Socket)) (done bool, err error) {
	for len(b) > 0 {
		typ, payload, rest, err := split(b)
		if err != nil {
			return false, err
		}
		switch typ {
		case typeSocket:
			s, err := decodeSocket(payload)
			if err != nil {
				return false, err
			}
			visit(s)
		case typeError, typeDone:
			return true, decodeErrno(payload)
		case typeNoop:
		default:
			return false, fmt.Errorf("%w: message type %d", errMalformed, typ)
		}
		b = rest
	}
	return false, nil
}

// split cuts the first message off b.
func split(b []byte) (typ uint16, payload, rest []byte, err error) {
	if len(b) < headerLen {
		return 0, nil, nil, errMalformed
	}
	n := native.Uint32(b)
	if n < headerLen || n > uint32(len(b)) {
		return 0, nil, nil, errMalformed
	}
	next := min(int(n+3)&^3, len(b)) // messages are aligned, and the last one need not be
	return native.Uint16(b[4:]), b[headerLen:n], b[next:], nil
}

// decodeErrno reads the errno that NLMSG_ERROR and NLMSG_DONE begin with, negative or zero. Old kernels end a
// dump with an empty NLMSG_DONE.
func decodeErrno(p []byte) error {
	if len(p) < 4 {
		return nil
	}
	if e := int32(native.Uint32(p)); e != 0 {
		return syscall.Errno(-int64(e))
	}
	return nil
}

// decodeSocket reads a struct inet_diag_msg.
func decodeSocket(p []byte) (s sock.Socket, err error) {
	if len(p) < messageLen {
		return s, errMalformed
	}
	family := Family(p[0])
	if family != IPv4 && family != IPv6 {
		return s, fmt.Errorf("%w: address family %d", errMalformed, family)
	}
	return sock.Socket{
		State:     sock.State(p[1]),
		Local:     decodeAddr(family, p[4:6], p[8:24]),
		Remote:    decodeAddr(family, p[6:8], p[24:40]),
		Interface: native.Uint32(p[40:]),
		Expires:   time.Duration(native.Uint32(p[52:])) * time.Millisecond,
		UID:       native.Uint32(p[64:]),
		Inode:     native.Uint32(p[68:]),
	}, nil
}

// decodeAddr returns the zero AddrPort for port 0, which stands for no address at all.
func decodeAddr(family Family, port, addr []byte) netip.AddrPort {
	p := binary.BigEndian.Uint16(port)
	switch {
	case p == 0:
		return netip.AddrPort{}
	case family == IPv4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr)), p)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(addr)).Unmap(), p)
}
