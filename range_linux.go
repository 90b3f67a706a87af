package berth

import (
	"fmt"
	"os"
	"syscall"
)

// portRange is how many ports connect may choose from, or 0 if that can't be
// read: net.ipv4.ip_local_port_range, which holds for IPv6 too.
func portRange() int {
	first, last := portBounds()
	if last < first || last == 0 {
		return 0
	}
	return last - first + 1
}

func portBounds() (first, last int) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0
	}
	if n, _ := fmt.Sscan(string(text), &first, &last); n != 2 {
		return 0, 0
	}
	return first, last
}

// Options of level IPPROTO_IP, which hold for IPv6 too, that package syscall has
// by no name.
const (
	ipBindAddressNoPort = 24 // Linux 4.2
	ipLocalPortRange    = 51 // Linux 6.3
)

// portsOf is portRange for a socket, which may have a range of its own within
// (inet_sk_get_local_port_range).
func portsOf(fd uintptr) int {
	first, last := portBounds()
	own, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_IP, ipLocalPortRange)
	if err == nil {
		if lo := own & 0xffff; lo >= first && lo <= last {
			first = lo
		}
		if hi := own >> 16 & 0xffff; hi >= first && hi <= last {
			last = hi
		}
	}
	if last < first || last == 0 {
		return 0
	}
	return last - first + 1
}

// choosePortLate has bind take an address only, and connect a port, of which there
// is then a range for each destination rather than one for all. A kernel that does
// not know it chooses at once.
func choosePortLate(fd uintptr) {
	syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
}
