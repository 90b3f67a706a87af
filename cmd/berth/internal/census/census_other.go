//go:build !linux

package census

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// take asks the tools that the system has. It is not measured, and knows less than on Linux.
func take(ctx context.Context, o Options, t *ports.Table) error {
	switch {
	case o.Namespace != "":
		return fmt.Errorf("network namespaces are linux's: %w", errors.ErrUnsupported)
	case o.PID != 0:
		return fmt.Errorf("who owns a socket is not read on %s: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	ns := ports.Namespace{NoAges: true}
	var sockets []sock.Socket
	var err error
	switch runtime.GOOS {
	case "darwin":
		sockets, err = darwin(ctx, &ns)
	case "windows":
		sockets, err = windows(ctx, &ns)
	default:
		err = fmt.Errorf("the ports of %s cannot be read: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	if err != nil {
		return err
	}
	tally := ports.NewTally(ns, new(ports.PortSet))
	slices.SortStableFunc(sockets, listenersFirst)
	for _, s := range sockets {
		tally.Add(s)
	}
	ns, t.Destinations, t.Services = tally.Finish(ports.Estimated, nil)
	t.Namespaces = []ports.Namespace{ns}
	t.Missing = append(t.Missing,
		"this system does not say how old a TIME_WAIT is: there is no history, and no forecast",
		"who owns the sockets is not read on this system")
	if o.Calibrate {
		t.Missing = append(t.Missing, "the cost of connect can be measured on linux only")
	}
	if ns.TimeWait == 0 {
		t.Missing = append(t.Missing, "how long a port stays in TIME_WAIT is not set here (TcpTimedWaitDelay), and differs between versions: there are no rates")
	}
	return nil
}

func listenersFirst(a, b sock.Socket) int {
	rank := func(s sock.Socket) int {
		if s.State == sock.Listen {
			return 0
		}
		return 1
	}
	return rank(a) - rank(b)
}

func darwin(ctx context.Context, ns *ports.Namespace) ([]sock.Socket, error) {
	var numbers [3]int
	for i, name := range []string{"net.inet.ip.portrange.first", "net.inet.ip.portrange.last", "net.inet.tcp.msl"} {
		out, err := output(ctx, "sysctl", "-n", name)
		if err == nil {
			numbers[i], err = strconv.Atoi(strings.TrimSpace(out))
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	ns.First, ns.Last = numbers[0], numbers[1]
	ns.TimeWait = 2 * time.Duration(numbers[2]) * time.Millisecond
	out, err := output(ctx, "netstat", "-anW", "-p", "tcp")
	if err != nil {
		return nil, err
	}
	return netstat(out)
}

func windows(ctx context.Context, ns *ports.Namespace) (all []sock.Socket, err error) {
	out, err := output(ctx, "netsh", "int", "ipv4", "show", "dynamicport", "tcp")
	if err != nil {
		return nil, err
	}
	first, n, err := twoNumbers(out)
	if err != nil {
		return nil, fmt.Errorf("read the port range: %w", err)
	}
	ns.First, ns.Last = first, first+n-1
	const key = `HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters`
	if out, err := output(ctx, "reg", "query", key, "/v", "TcpTimedWaitDelay"); err == nil {
		if s, ok := registryNumber(out, "TcpTimedWaitDelay"); ok {
			ns.TimeWait = time.Duration(s) * time.Second
		}
	}
	for _, protocol := range []string{"TCP", "TCPv6"} {
		out, err := output(ctx, "netstat", "-ano", "-p", protocol)
		if err != nil {
			return nil, err
		}
		some, err := netstat(out)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(out), nil
}
