package a

import (
	"context"
	"net"
	"syscall"
)

// What a Control sets.

func marked(ip net.IP) *net.Dialer {
	return &net.Dialer{
		LocalAddr: &net.TCPAddr{IP: ip}, // want `all destinations share one range of ports`
		Control: func(network, address string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_MARK, 1)
			})
		},
	}
}

func toDevice(network, address string, c syscall.RawConn) (err error) {
	c.Control(func(fd uintptr) { err = bindTo(fd, "eth1") })
	return err
}

func bindTo(fd uintptr, device string) error {
	return syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, device)
}

func markedLater(ip net.IP) *net.Dialer {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}} // want `all destinations share one range of ports`
	d.Control = toDevice
	return d
}

const ipBindAddressNoPort = 24

func late2(ip net.IP) *net.Dialer {
	return &net.Dialer{
		LocalAddr: &net.TCPAddr{IP: ip},
		ControlContext: func(ctx context.Context, network, address string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_MARK, 1)
				syscall.SetsockoptInt(int(fd), syscall.SOL_IP, ipBindAddressNoPort, 1)
			})
		},
	}
}

// It may be any option.
func with(ip net.IP, option int) *net.Dialer {
	return &net.Dialer{
		LocalAddr: &net.TCPAddr{IP: ip},
		Control: func(network, address string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_IP, option, 1) })
		},
	}
}

// The next one may set it.
func chained(ip net.IP, then func(network, address string, c syscall.RawConn) error) *net.Dialer {
	return &net.Dialer{
		LocalAddr: &net.TCPAddr{IP: ip},
		Control: func(network, address string, c syscall.RawConn) error {
			c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_MARK, 1) })
			return then(network, address, c)
		},
	}
}
