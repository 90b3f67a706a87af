package berth

import (
	"encoding/binary"
	"net"
	"syscall"
)

const tcpEstablished = 1 // TCP_ESTABLISHED

// closesFirst reports whether to close nc now leaves its port in TIME_WAIT: not if
// the server has closed already, or has reset it.
func closesFirst(nc net.Conn) bool {
	raw, _ := descriptor(nc)
	if raw == nil {
		return true
	}
	first := true
	raw.Control(func(fd uintptr) {
		// Of TCP_INFO, four bytes are enough: the first is the state.
		if v, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO); err == nil {
			var b [4]byte
			binary.NativeEndian.PutUint32(b[:], uint32(v))
			first = b[0] == tcpEstablished
		}
	})
	return first
}
