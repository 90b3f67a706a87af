package a

import (
	"net"
	"net/netip"
	"syscall"
)

func byText(ip string) (*net.Dialer, error) {
	addr, err := net.ResolveTCPAddr("tcp", ip+":0")
	if err != nil {
		return nil, err
	}
	return &net.Dialer{LocalAddr: addr}, nil // want `all destinations share one range`
}

func joined(ip string) (*net.Dialer, error) {
	addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return nil, err
	}
	return &net.Dialer{LocalAddr: addr}, nil // want `all destinations share one range`
}

func fromNetip(ip netip.Addr) *net.Dialer {
	return &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))} // want `all destinations share one range`
}

// Ports of one's own, or none that is known.

func withPort(ip, port string) (*net.Dialer, error) {
	addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(ip, port))
	if err != nil {
		return nil, err
	}
	return &net.Dialer{LocalAddr: addr}, nil
}

func fromConfig(addr netip.AddrPort) *net.Dialer {
	return &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(addr)}
}

// A helper sets Control.

func helped(ip net.IP) *net.Dialer {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
	bindLate(d)
	return d
}

func bindLate(d *net.Dialer) {
	d.Control = func(network, address string, c syscall.RawConn) error { return nil }
}

func helpedOtherwise(ip net.IP) *net.Dialer {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}} // want `all destinations share one range`
	keepAlive(d)
	return d
}

func keepAlive(d *net.Dialer) { d.KeepAlive = -1 }

// By a method.

type config struct{ ip net.IP }

func (c config) local() *net.TCPAddr { return &net.TCPAddr{IP: c.ip} }

func (c config) dialer() *net.Dialer {
	return &net.Dialer{LocalAddr: c.local()} // want `all destinations share one range`
}

// An interface's may be anything.
func ofListener(l net.Listener) *net.Dialer { return &net.Dialer{LocalAddr: l.Addr()} }
