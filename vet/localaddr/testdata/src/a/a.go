package a

import (
	"net"
	"syscall"
)

func dialer(ip net.IP) *net.Dialer {
	return &net.Dialer{
		LocalAddr: &net.TCPAddr{IP: ip}, // want `LocalAddr without IP_BIND_ADDRESS_NO_PORT: all destinations share one range of ports`
	}
}

func variable(ip net.IP) net.Dialer {
	addr := &net.TCPAddr{IP: ip, Port: 0}
	return net.Dialer{LocalAddr: addr} // want `all destinations share one range`
}

func assigned(d *net.Dialer, ip net.IP) {
	d.LocalAddr = &net.TCPAddr{IP: ip} // want `all destinations share one range`
}

func resolved(s string) (*net.Dialer, error) {
	addr, err := net.ResolveTCPAddr("tcp", s)
	return &net.Dialer{LocalAddr: addr}, err // which may have a port
}

// What follows is right.

func late(network, address string, c syscall.RawConn) error { return nil }

func withControl(ip net.IP) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}, Control: late}
}

func withControlLater(ip net.IP) *net.Dialer {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
	d.Control = late
	return d
}

func port(ip net.IP) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip, Port: 53}}
}

type forward interface {
	Dial(network, addr string) (net.Conn, error)
}

type socks struct{}

func (socks) SOCKS5(network, addr string, auth any, d forward) forward { return d }

var proxy socks

func byProxy(ip net.IP) forward {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
	return proxy.SOCKS5("tcp", "proxy:1080", nil, d)
}

func noAddress(s string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: []byte(s)}}
}

func udp(ip net.IP) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.UDPAddr{IP: ip}}
}

func anything(addr net.Addr) *net.Dialer {
	return &net.Dialer{LocalAddr: addr}
}
