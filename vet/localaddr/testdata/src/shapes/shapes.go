// The shapes in which a local address takes ports from all destinations at once, and
// beside each the one that is right.
package shapes

import (
	"net"
	"net/http"
	"syscall"
)

func late(network, address string, c syscall.RawConn) error { return nil }

func plain(ip net.IP) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}} // want `all destinations share one range of ports`
}

func plainRight(ip net.IP) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}, Control: late}
}

type client struct {
	ip     net.IP
	dialer net.Dialer
}

func (c *client) method() {
	c.dialer.LocalAddr = &net.TCPAddr{IP: c.ip} // want `all destinations share one range of ports`
}

func (c *client) methodRight() {
	c.dialer.LocalAddr = &net.TCPAddr{IP: c.ip}
	c.dialer.Control = late
}

func closure(ip net.IP) func() net.Dialer {
	return func() net.Dialer {
		return net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}} // want `all destinations share one range of ports`
	}
}

func closureRight(ip net.IP) func() net.Dialer {
	return func() net.Dialer {
		return net.Dialer{LocalAddr: &net.TCPAddr{IP: ip, Port: 1023}}
	}
}

func from(ip net.IP) *net.TCPAddr { return &net.TCPAddr{IP: ip} }

func helper(ip net.IP) *net.Dialer {
	return &net.Dialer{LocalAddr: from(ip)} // want `all destinations share one range of ports`
}

func helperByVariable(ip net.IP) *net.Dialer {
	addr := from(ip)
	return &net.Dialer{LocalAddr: addr} // want `all destinations share one range of ports`
}

func helperOfNone() *net.Dialer { return &net.Dialer{LocalAddr: from(nil)} }

func resolve(s string) *net.TCPAddr {
	addr, _ := net.ResolveTCPAddr("tcp", s)
	return addr
}

func helperRight(s string) *net.Dialer {
	return &net.Dialer{LocalAddr: resolve(s)} // which may have a port
}

func iface(ip net.IP) *net.Dialer {
	var addr net.Addr = &net.TCPAddr{IP: ip}
	return &net.Dialer{LocalAddr: addr} // want `all destinations share one range of ports`
}

func ifaceRight(ip net.IP) *net.Dialer {
	var addr net.Addr = &net.UDPAddr{IP: ip}
	return &net.Dialer{LocalAddr: addr}
}

func generic[T ~[]byte](ip T) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IP(ip)}} // want `all destinations share one range of ports`
}

func genericRight[T ~[]byte](ip T) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IP(ip)}, Control: late}
}

func loop(ips []net.IP) (all []*net.Dialer) {
	for _, ip := range ips {
		all = append(all, &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}) // want `all destinations share one range of ports`
	}
	return all
}

func loopRight(ips []net.IP) (all []*net.Dialer) {
	for _, ip := range ips {
		d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
		d.Control = late
		all = append(all, d)
	}
	return all
}

func handler(w http.ResponseWriter, r *http.Request) {
	ip := net.IPv4(127, 0, 0, 2)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}} // want `all destinations share one range of ports`
	d.Dial("tcp", "db:1")
}

func handlerRight(w http.ResponseWriter, r *http.Request) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{}} // any address
	d.Dial("tcp", "db:1")
}

type option func(*net.Dialer)

func options(ip net.IP) option {
	return func(d *net.Dialer) {
		d.LocalAddr = &net.TCPAddr{IP: ip} // want `all destinations share one range of ports`
	}
}

func optionsRight(ip net.IP) option {
	return func(d *net.Dialer) {
		d.LocalAddr, d.Control = &net.TCPAddr{IP: ip}, late
	}
}
