package netlab

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestPortRangeRunsOut(t *testing.T) {
	for network, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		t.Run(network, func(t *testing.T) {
			l := listen(t, network, address)
			const n = 8
			r := freeRange(t, n)
			d := &net.Dialer{Control: PortRange(r.Lo, r.Hi)}
			for range n {
				if port := localPort(hold(t, d, l)); port < r.Lo || port > r.Hi {
					t.Errorf("local port %d, outside %s", port, r)
				}
			}
			wantNoPort(t, d, l)
		})
	}
}

func TestPortRangeLeavesOthersAlone(t *testing.T) {
	l := listen(t, "tcp4", "127.0.0.1:0")
	r := freeRange(t, 1)
	limited := &net.Dialer{Control: PortRange(r.Lo, r.Hi)}
	hold(t, limited, l)
	wantNoPort(t, limited, l)
	hold(t, &net.Dialer{}, l)
	hold(t, limited, listen(t, "tcp4", "127.0.0.1:0")) // the budget is one for each destination
}

func TestFreeRangeAvoidsBoundPorts(t *testing.T) {
	p, err := newProbe()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if ok, err := p.usable(int(p.to.Port())); ok || err != nil {
		t.Errorf("port %d is bound, got usable %t, %v", p.to.Port(), ok, err)
	}
}

func TestFreeRangeErrors(t *testing.T) {
	for _, n := range []int{-1, 0, 65536} {
		if r, err := FreeRange(n); err == nil {
			t.Errorf("FreeRange(%d) = %s, want an error", n, r)
		}
	}
}

// listen opens a listener that never accepts: the kernel completes connections without.
func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if network == "tcp6" && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)) {
		t.Skip("no ipv6 loopback: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func freeRange(t *testing.T, n int) Range {
	t.Helper()
	NeedPortRange(t)
	r, err := FreeRange(n)
	if err != nil {
		t.Fatal(err)
	}
	if r.Len() != n {
		t.Fatalf("FreeRange(%d) = %s", n, r)
	}
	return r
}

// hold opens a connection that stays until the test ends.
func hold(t *testing.T, d *net.Dialer, l net.Listener) net.Conn {
	t.Helper()
	c, err := d.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func localPort(c net.Conn) int { return c.LocalAddr().(*net.TCPAddr).Port }

func wantNoPort(t *testing.T, d *net.Dialer, l net.Listener) {
	t.Helper()
	c, err := d.Dial(l.Addr().Network(), l.Addr().String())
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("got %v, want EADDRNOTAVAIL", err)
	}
}
