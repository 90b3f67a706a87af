package berth

import (
	"fmt"
	"os"
)

// portRange is how many ports connect may choose from, or 0 if that can't be
// read: net.ipv4.ip_local_port_range, which holds for IPv6 too.
func portRange() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	var first, last int
	if n, _ := fmt.Sscan(string(text), &first, &last); n != 2 || last < first {
		return 0
	}
	return last - first + 1
}
