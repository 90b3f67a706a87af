package census

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// netstat reads what netstat -an prints on macOS (tcp4 0 0 10.0.1.5.49158 10.0.3.7.8080 ESTABLISHED) and on
// Windows (TCP 10.0.1.5:49158 10.0.3.7:8080 ESTABLISHED 4121). A line of TCP that does not parse is an error.
func netstat(text string) (all []sock.Socket, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || !strings.HasPrefix(strings.ToLower(fields[0]), "tcp") {
			continue
		}
		if fields[0] != "TCP" && len(fields) > 3 {
			fields = append(fields[:1], fields[3:]...) // two queues
		}
		s, err := netstatSocket(fields)
		if err != nil {
			return nil, fmt.Errorf("netstat says %q: %w", strings.TrimSpace(line), err)
		}
		if s.Local.IsValid() {
			all = append(all, s)
		}
	}
	return all, nil
}

// netstatStates are the words of both systems.
var netstatStates = map[string]sock.State{
	"ESTABLISHED":  sock.Established,
	"SYN_SENT":     sock.SynSent,
	"SYN_RECEIVED": sock.SynRecv,
	"SYN_RCVD":     sock.SynRecv,
	"FIN_WAIT_1":   sock.FinWait1,
	"FIN_WAIT_2":   sock.FinWait2,
	"TIME_WAIT":    sock.TimeWait,
	"CLOSED":       sock.Close,
	"CLOSE_WAIT":   sock.CloseWait,
	"LAST_ACK":     sock.LastAck,
	"LISTEN":       sock.Listen,
	"LISTENING":    sock.Listen,
	"CLOSING":      sock.Closing,
	"BOUND":        sock.Bound,
}

func netstatSocket(fields []string) (s sock.Socket, err error) {
	if len(fields) < 4 {
		return s, fmt.Errorf("%d columns", len(fields))
	}
	local, err := netstatAddr(fields[1])
	if err != nil {
		return s, err
	}
	remote, err := netstatAddr(fields[2])
	if err != nil {
		return s, err
	}
	state, ok := netstatStates[fields[3]]
	if !ok {
		return s, fmt.Errorf("no state is called %q", fields[3])
	}
	s = sock.Socket{State: state, Local: local}
	if state == sock.Listen {
		return s, nil
	}
	s.Remote = remote
	if state == sock.Close && local.IsValid() && !remote.IsValid() {
		s.State = sock.Bound
	}
	return s, nil
}

// netstatAddr reads 10.0.1.5.80, fe80::1%lo0.80, *.80, 10.0.1.5:80 and [fe80::1%5]:80. Without a port it is zero.
func netstatAddr(s string) (netip.AddrPort, error) {
	i := strings.LastIndexAny(s, ".:")
	if i < 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", s)
	}
	host, port := strings.Trim(s[:i], "[]"), s[i+1:]
	if port == "*" || port == "0" {
		return netip.AddrPort{}, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q has no port: %w", s, err)
	}
	if host == "*" {
		host = "::"
	}
	a, err := netip.ParseAddr(host)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), err
}

// twoNumbers are the first two that stand alone in a text, in any language: netsh int ipv4 show dynamicport tcp
// says where the range starts, and how many ports it has.
func twoNumbers(text string) (a, b int, err error) {
	var all []int
	for line := range strings.Lines(text) {
		_, value, _ := strings.Cut(line, ":")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
			all = append(all, n)
		}
	}
	if len(all) < 2 {
		return 0, 0, fmt.Errorf("%q are not two numbers", text)
	}
	return all[0], all[1], nil
}

// registryNumber finds a value in what reg query prints: Name REG_DWORD 0x1e.
func registryNumber(text, name string) (int, bool) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 3 && strings.EqualFold(f[0], name) && f[1] == "REG_DWORD" {
			n, err := strconv.ParseInt(f[2], 0, 32)
			return int(n), err == nil
		}
	}
	return 0, false
}
