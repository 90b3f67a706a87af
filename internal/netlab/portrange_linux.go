package netlab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// ipLocalPortRange is IP_LOCAL_PORT_RANGE of linux/in.h: Linux 6.3, for IPv4 and IPv6 sockets alike.
const ipLocalPortRange = 51

func limitPorts(c syscall.RawConn, r Range) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = setPorts(int(fd), r) }); cerr != nil {
		return cerr
	}
	return err
}

func setPorts(fd int, r Range) error {
	err := os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipLocalPortRange, r.Hi<<16|r.Lo))
	if errors.Is(err, syscall.ENOPROTOOPT) {
		return &unsupportedError{err}
	}
	return err
}

// Supported returns nil where [PortRange] works, and else an error that says what it needs and matches
// errors.ErrUnsupported.
func Supported() error {
	fd, err := tcpSocket()
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return setPorts(fd, Range{1, 65535})
}

func tcpSocket() (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

// FreeRange finds n ports in a row from which this process can connect over IPv4 or IPv6 to an address that
// nobody has used yet: within the machine's own range, not reserved, and bound by nobody. Ports that other
// connections took by connect are free in this sense, since a destination of its own makes another tuple.
//
// Nothing is reserved: a socket that is bound inside the range later takes its port away. So open the
// listeners of the test first. An error matches [ErrNoRange] where there is no such stretch, and
// errors.ErrUnsupported where [PortRange] does not work.
func FreeRange(n int) (Range, error) {
	if n < 1 {
		return Range{}, fmt.Errorf("%d is no number of ports", n)
	}
	all, err := localRange()
	if err != nil {
		return Range{}, err
	}
	p, err := newProbe()
	if err != nil {
		return Range{}, err
	}
	defer p.close()
	return search(all, n, all.Lo+rand.IntN(all.Len()), p.usable)
}

// localRange reads the machine's range, or that of the network namespace this process runs in.
func localRange() (r Range, err error) {
	const file = "/proc/sys/net/ipv4/ip_local_port_range"
	b, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if _, err := fmt.Sscan(string(b), &r.Lo, &r.Hi); err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, r.validate()
}

// A probe is a port that refuses: bound, so that nobody else listens there, but not listening. A connection
// that is refused had a local port and leaves nothing behind.
type probe struct {
	fd int
	to netip.AddrPort
}

func newProbe() (*probe, error) {
	fd, err := tcpSocket()
	if err != nil {
		return nil, err
	}
	p := &probe{fd: fd}
	if err := p.bind(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *probe) bind() error {
	loopback := [4]byte{127, 0, 0, 1}
	if err := syscall.Bind(p.fd, &syscall.SockaddrInet4{Addr: loopback}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	sa, err := syscall.Getsockname(p.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	p.to = netip.AddrPortFrom(netip.AddrFrom4(loopback), uint16(sa.(*syscall.SockaddrInet4).Port))
	return nil
}

func (p *probe) close() { syscall.Close(p.fd) }

// usable reports whether a connection can be made from the port.
func (p *probe) usable(port int) (bool, error) {
	d := net.Dialer{Control: PortRange(port, port)}
	c, err := d.Dial("tcp4", p.to.String())
	switch {
	case err == nil: // nobody can listen there, but a connection would tell the same
		return true, c.Close()
	case errors.Is(err, syscall.ECONNREFUSED):
		return true, nil
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return false, nil
	}
	return false, err
}
