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

// A Family is of addresses. The kernel keeps both in one table: to ask for both at once takes one walk of it.
type Family uint8

// The families, by the kernel's numbers.
const (
	Both Family = 0
	IPv4 Family = 2
	IPv6 Family = 10
)

// A Query says which sockets a dump is about. The kernel applies it, so that what does not match costs little.
type Query struct {
	Family     Family
	States     sock.States
	RemotePort uint16 // zero for every port
	Info       bool   // fill in what was sent and received, which makes each live socket dearer by half
}

// From include/uapi/linux: netlink.h, sock_diag.h, inet_diag.h.
const (
	headerLen  = 16 // struct nlmsghdr
	requestLen = 56 // struct inet_diag_req_v2
	oldRequest = 60 // struct inet_diag_req
	messageLen = 72 // struct inet_diag_msg, before its attributes

	typeNoop   = 1  // NLMSG_NOOP
	typeError  = 2  // NLMSG_ERROR
	typeDone   = 3  // NLMSG_DONE
	typeSocket = 20 // SOCK_DIAG_BY_FAMILY
	typeOld    = 18 // TCPDIAG_GETSOCK

	flagRequest = 0x1   // NLM_F_REQUEST
	flagDump    = 0x300 // NLM_F_DUMP
	flagBroken  = 0x10  // NLM_F_DUMP_INTR

	attributeInfo = 2 // INET_DIAG_INFO: struct tcp_info

	protocolTCP = 6
)

// native is the byte order of netlink's own fields. Ports and addresses are in network order.
var native = binary.NativeEndian

var errMalformed = errors.New("malformed reply from the kernel")

// ErrInterrupted is what Dump ends with when the kernel says that the table changed so much meanwhile that the
// dump is not to be relied on.
var ErrInterrupted = errors.New("the table changed during the dump")

// encode returns the request: an nlmsghdr and an inet_diag_req_v2. For both families it is the request of old, an
// inet_diag_req, since the new one must name a family.
func (q Query) encode() []byte {
	if q.Family == Both {
		r, b := request(typeOld, oldRequest)
		r[3] = q.extensions()
		binary.BigEndian.PutUint16(r[6:], q.RemotePort)
		native.PutUint32(r[52:], uint32(q.States))
		return b
	}
	r, b := request(typeSocket, requestLen)
	r[0], r[1], r[2] = byte(q.Family), protocolTCP, q.extensions()
	native.PutUint32(r[4:], uint32(q.States))
	binary.BigEndian.PutUint16(r[10:], q.RemotePort)
	return b
}

// request returns a message for a dump, with room for what follows its header.
func request(typ uint16, n int) (payload, b []byte) {
	b = make([]byte, headerLen+n)
	native.PutUint32(b[0:], uint32(len(b)))
	native.PutUint16(b[4:], typ)
	native.PutUint16(b[6:], flagRequest|flagDump)
	return b[headerLen:], b
}

func (q Query) extensions() byte {
	if q.Info {
		return 1 << (attributeInfo - 1)
	}
	return 0
}

// A verdict is what a receive said about the dump as a whole.
type verdict struct {
	done        bool // nothing follows
	interrupted bool // what was told is not one table (NLM_F_DUMP_INTR)
}

// decode reads what one receive returned, and calls visit for each socket in it. The sockets before an error
// have been visited.
func decode(b []byte, visit func(sock.Socket)) (v verdict, err error) {
	for len(b) > 0 {
		m, rest, err := split(b)
		if err != nil {
			return v, err
		}
		v.interrupted = v.interrupted || m.flags&flagBroken != 0
		switch m.typ {
		case typeSocket, typeOld:
			s, err := decodeSocket(m.payload)
			if err != nil {
				return v, err
			}
			visit(s)
		case typeError, typeDone:
			v.done = true
			return v, decodeErrno(m.payload)
		case typeNoop:
		default:
			return v, fmt.Errorf("%w: message type %d", errMalformed, m.typ)
		}
		b = rest
	}
	return v, nil
}

type message struct {
	typ, flags uint16
	payload    []byte
}

// split cuts the first message off b.
func split(b []byte) (m message, rest []byte, err error) {
	if len(b) < headerLen {
		return m, nil, errMalformed
	}
	n := native.Uint32(b)
	if n < headerLen || n > uint32(len(b)) {
		return m, nil, errMalformed
	}
	next := min(int(n+3)&^3, len(b)) // messages are aligned, and the last one need not be
	return message{native.Uint16(b[4:]), native.Uint16(b[6:]), b[headerLen:n]}, b[next:], nil
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
	s = sock.Socket{
		State:       sock.State(p[1]),
		Local:       decodeAddr(family, p[4:6], p[8:24]),
		Remote:      decodeAddr(family, p[6:8], p[24:40]),
		Interface:   native.Uint32(p[40:]),
		Expires:     time.Duration(native.Uint32(p[52:])) * time.Millisecond,
		Retransmits: p[3],
		UID:         native.Uint32(p[64:]),
		Inode:       native.Uint32(p[68:]),
	}
	if s.State == sock.Close && s.Local.IsValid() && !s.Remote.IsValid() {
		s.State = sock.Bound // asked for by that number (TCP_BOUND_INACTIVE), and told by this one
	}
	return s, decodeAttributes(p[messageLen:], &s)
}

// decodeAttributes reads the struct rtattr that follow an inet_diag_msg.
func decodeAttributes(b []byte, s *sock.Socket) error {
	for len(b) >= 4 {
		n := int(native.Uint16(b))
		if n < 4 || n > len(b) {
			return fmt.Errorf("%w: attribute of %d bytes", errMalformed, n)
		}
		if native.Uint16(b[2:]) == attributeInfo {
			decodeInfo(b[4:n], s)
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// decodeInfo reads a struct tcp_info, which each kernel may end sooner or later. Its times are milliseconds
// since the last segment of data; a socket that never had one counts from when it connected.
func decodeInfo(b []byte, s *sock.Socket) {
	const lastSent, lastReceived, segmentsIn, segmentsOut = 44, 52, 152, 156
	if len(b) < segmentsOut+4 {
		return
	}
	s.Info = true
	s.Sent, s.Received = native.Uint32(b[segmentsOut:]), native.Uint32(b[segmentsIn:])
	s.LastSent = time.Duration(native.Uint32(b[lastSent:])) * time.Millisecond
	s.LastReceived = time.Duration(native.Uint32(b[lastReceived:])) * time.Millisecond
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
