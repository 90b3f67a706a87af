package sockdiag

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

func TestEncode(t *testing.T) {
	b := Query{Family: IPv6, States: sock.SetOf(sock.TimeWait), RemotePort: 0x1234}.encode()
	want := make([]byte, 72)
	native.PutUint32(want[0:], 72)
	native.PutUint16(want[4:], 20)
	native.PutUint16(want[6:], 0x301)
	want[16], want[17] = 10, 6
	native.PutUint32(want[20:], 1<<6)
	want[26], want[27] = 0x12, 0x34
	if !bytes.Equal(b, want) {
		t.Errorf("got  %x\nwant %x", b, want)
	}
}

func TestEncodeBoth(t *testing.T) {
	b := Query{States: sock.SetOf(sock.TimeWait), RemotePort: 0x1234, Info: true}.encode()
	want := make([]byte, 76)
	native.PutUint32(want[0:], 76)
	native.PutUint16(want[4:], 18)
	native.PutUint16(want[6:], 0x301)
	want[19] = 2
	want[22], want[23] = 0x12, 0x34
	native.PutUint32(want[68:], 1<<6)
	if !bytes.Equal(b, want) {
		t.Errorf("got  %x\nwant %x", b, want)
	}
}

func TestDecode(t *testing.T) {
	v4 := sock.Socket{
		State:   sock.TimeWait,
		Local:   netip.MustParseAddrPort("10.0.1.5:40000"),
		Remote:  netip.MustParseAddrPort("10.0.0.7:443"),
		Expires: 12345 * time.Millisecond,
	}
	v6 := sock.Socket{
		State:     sock.Listen,
		Local:     netip.MustParseAddrPort("[fe80::1]:8080"),
		Interface: 3,
		UID:       1000,
		Inode:     4711,
	}
	mapped := v4
	mapped.State = sock.Established
	mapped.Info, mapped.Sent, mapped.Received = true, 7, 8
	mapped.LastSent, mapped.LastReceived = 91*time.Second, 90*time.Second
	bound := sock.Socket{State: sock.Close, Local: v4.Local, Retransmits: 3}

	var b []byte
	b = appendSocket(b, IPv4, v4)
	b = appendMessage(b, typeNoop, nil)
	b = appendSocket(b, IPv6, v6)
	b = appendSocket(b, IPv6, mapped)
	b = appendSocket(b, IPv4, bound)
	bound.State = sock.Bound
	got, done, err := collect(b)
	if err != nil || done {
		t.Fatalf("done %t, %v; want more to come", done, err)
	}
	want := []sock.Socket{v4, v6, mapped, bound}
	if len(got) != len(want) {
		t.Fatalf("got %d sockets, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("socket %d:\ngot  %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func TestDecodeEnds(t *testing.T) {
	one := appendSocket(nil, IPv4, sock.Socket{State: sock.Established})
	errno := func(e int32) []byte { return native.AppendUint32(nil, uint32(e)) }
	badLength := func(n uint32) []byte { return native.AppendUint32(nil, n) }
	tests := []struct {
		name    string
		b       []byte
		sockets int
		done    bool
		err     error
	}{
		{name: "nothing"},
		{name: "done", b: appendMessage(one, typeDone, errno(0)), sockets: 1, done: true},
		{name: "done of an old kernel", b: appendMessage(one, typeDone, nil), sockets: 1, done: true},
		{name: "done with an error", b: appendMessage(one, typeDone, errno(-int32(syscall.ENOMEM))), sockets: 1, done: true, err: syscall.ENOMEM},
		{name: "error", b: appendMessage(nil, typeError, errno(-int32(syscall.ENOENT))), done: true, err: syscall.ENOENT},
		{name: "after done", b: append(appendMessage(nil, typeDone, nil), one...), done: true},
		{name: "half a header", b: one[:10], err: errMalformed},
		{name: "half a message", b: one[:len(one)-4], err: errMalformed},
		{name: "half a socket", b: appendMessage(one, typeSocket, make([]byte, 71)), sockets: 1, err: errMalformed},
		{name: "length zero", b: append(badLength(0), make([]byte, 20)...), err: errMalformed},
		{name: "length below the header", b: append(badLength(15), make([]byte, 20)...), err: errMalformed},
		{name: "length near overflow", b: append(badLength(0xfffffffe), make([]byte, 20)...), err: errMalformed},
		{name: "attribute length zero", b: appendMessage(nil, typeSocket, append(socketBytes(IPv4, sock.Socket{}), 0, 0, 0, 0)), err: errMalformed},
		{name: "attribute beyond the message", b: appendMessage(nil, typeSocket, append(socketBytes(IPv4, sock.Socket{}), 9, 0, 2, 0)), err: errMalformed},
		{name: "unknown type", b: appendMessage(one, 99, nil), sockets: 1, err: errMalformed},
		{name: "unknown family", b: appendSocket(nil, 1, sock.Socket{}), err: errMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, done, err := collect(tt.b)
			if len(got) != tt.sockets || done != tt.done || !errors.Is(err, tt.err) {
				t.Errorf("got %d sockets, done %t, %v; want %d, %t, %v", len(got), done, err, tt.sockets, tt.done, tt.err)
			}
		})
	}
}

func TestDecodeInterrupted(t *testing.T) {
	b := appendSocket(nil, IPv4, sock.Socket{State: sock.TimeWait})
	native.PutUint16(b[6:], flagBroken)
	visited := 0
	v, err := decode(append(b, appendMessage(nil, typeDone, nil)...), func(sock.Socket) { visited++ })
	if !v.interrupted || !v.done || visited != 1 || err != nil {
		t.Errorf("got %+v, %d sockets, %v; want an interrupted dump that is over", v, visited, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendSocket(nil, IPv4, sock.Socket{State: sock.TimeWait}))
	f.Add(appendMessage(appendSocket(nil, IPv6, sock.Socket{State: sock.Listen}), typeDone, make([]byte, 4)))
	f.Add(appendMessage(nil, typeError, make([]byte, 20)))
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		got, _, _ := collect(b)
		if len(got) > len(b)/(headerLen+messageLen) {
			t.Errorf("%d sockets out of %d bytes", len(got), len(b))
		}
		if !bytes.Equal(b, kept) {
			t.Error("decode changed its input")
		}
	})
}

// FuzzRoundTrip holds decode against the layout as this file writes it down, field by field.
func FuzzRoundTrip(f *testing.F) {
	f.Add(true, uint8(6), uint16(40000), uint16(443), []byte("0123456789abcdef"), []byte("fedcba9876543210"), uint32(0), uint32(59999), uint32(0), uint32(0))
	f.Add(false, uint8(1), uint16(0), uint16(0), []byte{}, []byte{127, 0, 0, 1}, uint32(1), uint32(0), uint32(1000), uint32(1))
	f.Fuzz(func(t *testing.T, v4 bool, state uint8, lport, rport uint16, laddr, raddr []byte, ifindex, expires, uid, inode uint32) {
		family := IPv6
		if v4 {
			family = IPv4
		}
		want := sock.Socket{
			State:     sock.State(state),
			Local:     address(family, laddr, lport),
			Remote:    address(family, raddr, rport),
			Interface: ifindex,
			Expires:   time.Duration(expires) * time.Millisecond,
			UID:       uid,
			Inode:     inode,
		}
		sent := want
		if want.State == sock.Close && lport != 0 && rport == 0 {
			want.State = sock.Bound // the kernel tells these as closed
		}
		got, done, err := collect(appendSocket(nil, family, sent))
		if err != nil || done || len(got) != 1 || got[0] != want {
			t.Errorf("got %+v, %t, %v\nwant %+v", got, done, err, want)
		}
	})
}

// address is what a Socket holds for the bytes, cut or filled up to the family's length.
func address(family Family, b []byte, port uint16) netip.AddrPort {
	var all [16]byte
	copy(all[:], b)
	switch {
	case port == 0:
		return netip.AddrPort{}
	case family == IPv4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(all[:4])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(all).Unmap(), port)
}

func collect(b []byte) (all []sock.Socket, done bool, err error) {
	v, err := decode(b, func(s sock.Socket) { all = append(all, s) })
	return all, v.done, err
}

// appendMessage appends a netlink message with its padding. It leaves b's own bytes alone.
func appendMessage(b []byte, typ uint16, payload []byte) []byte {
	b = bytes.Clone(b)
	b = native.AppendUint32(b, uint32(headerLen+len(payload)))
	b = native.AppendUint16(b, typ)
	b = append(b, make([]byte, 10)...) // flags, sequence, port id
	b = append(b, payload...)
	return append(b, make([]byte, -len(b)&3)...)
}

// appendSocket appends s as an inet_diag_msg, with attributes behind it as the kernel adds them.
func appendSocket(b []byte, family Family, s sock.Socket) []byte {
	m := append(socketBytes(family, s), 5, 0, 8, 0, 0, 0, 0, 0) // INET_DIAG_SHUTDOWN, one byte
	if s.Info {
		m = append(m, infoBytes(s)...)
	}
	return appendMessage(b, typeSocket, m)
}

func socketBytes(family Family, s sock.Socket) []byte {
	m := make([]byte, 0, 400)
	m = append(m, byte(family), byte(s.State), 0, s.Retransmits)
	m = binary.BigEndian.AppendUint16(m, s.Local.Port())
	m = binary.BigEndian.AppendUint16(m, s.Remote.Port())
	m = append(m, addressBytes(family, s.Local)...)
	m = append(m, addressBytes(family, s.Remote)...)
	m = native.AppendUint32(m, s.Interface)
	m = append(m, "8 cookie"...)
	m = native.AppendUint32(m, uint32(s.Expires/time.Millisecond))
	m = append(m, "2 queues"...)
	m = native.AppendUint32(m, s.UID)
	return native.AppendUint32(m, s.Inode)
}

// infoBytes is a struct tcp_info in its attribute.
func infoBytes(s sock.Socket) []byte {
	a := make([]byte, 4+232)
	native.PutUint16(a[0:], uint16(len(a)))
	native.PutUint16(a[2:], 2)
	info := a[4:]
	native.PutUint32(info[44:], uint32(s.LastSent/time.Millisecond))
	native.PutUint32(info[52:], uint32(s.LastReceived/time.Millisecond))
	native.PutUint32(info[152:], s.Received)
	native.PutUint32(info[156:], s.Sent)
	return a
}

func addressBytes(family Family, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return make([]byte, 16)
	}
	if family == IPv4 {
		return append(a.Addr().AsSlice(), make([]byte, 12)...)
	}
	b := a.Addr().As16()
	return b[:]
}
