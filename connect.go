package berth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// An attempt is a dial under way. Where the Transport dials by itself it
// chooses among the addresses of a name, and among local ones: see ledger.
type attempt struct {
	*dialer
	ledger *ledger
	t      *Transport // these two are nil for a connection that is not the pool's
	h      *host
	berth  *berth // of the connection, or nil
}

// connectTCP connects to a host:port.
func (a *attempt) connectTCP(ctx context.Context, addr string) (net.Conn, error) {
	limited, cancel := a.limit(ctx)
	defer cancel()
	if a.dial != nil {
		nc, err := a.dial(limited, "tcp", addr)
		if nc == nil && err == nil {
			err = errors.New("berth: Transport.DialContext or Dial returned (nil, nil)")
		}
		return nc, err
	}
	name, port, err := net.SplitHostPort(addr)
	ip, notIP := netip.ParseAddr(name)
	if err != nil || name == "" || notIP == nil && a.net == nil {
		nd := net.Dialer{Control: a.control} // there is nothing to choose
		return nd.DialContext(limited, "tcp", addr)
	}
	ips := []netip.Addr{ip.Unmap()}
	if notIP != nil {
		if ips, err = a.resolve(limited, name); err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
	}
	n, err := portNumber(limited, port)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	first, other, err := a.families(ips, n)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	l := a.race(limited, first, other)
	a.berth = l.berth
	return l.nc, l.err
}

func portNumber(ctx context.Context, port string) (uint16, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err == nil {
		return uint16(n), nil
	}
	named, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	return uint16(named), err
}

// families divides the addresses into those of the first one's family and the
// others, without those for which LocalAddrs has none.
func (a *attempt) families(ips []netip.Addr, port uint16) (first, other *ways, err error) {
	first, other = new(ways), new(ways)
	if a.net != nil {
		first.from, first.reserve = a.net.local, a.net.reserve
	}
	*other = *first
	for _, ip := range ips {
		if len(first.from) > 0 && !slices.ContainsFunc(first.from, func(l netip.Addr) bool { return l.Is4() == ip.Is4() }) {
			continue
		}
		w := first
		if len(first.to) > 0 && first.to[0].Addr().Is4() != ip.Is4() {
			w = other
		}
		w.to = append(w.to, netip.AddrPortFrom(ip, port))
	}
	if len(first.to) == 0 {
		return nil, nil, fmt.Errorf("LocalAddrs has no address to reach %v from", ips)
	}
	return first, other, nil
}

// landed is where an attempt, or a part of it, ended.
type landed struct {
	nc    net.Conn
	berth *berth
	err   error
	first bool // by the first family
}

// fallbackDelay is how long the addresses of the first family are tried alone, as
// by net.Dialer; RFC 8305, section 8, recommends 250 ms, and less never than 100.
const fallbackDelay = 300 * time.Millisecond

// race is Happy Eyeballs (RFC 8305) as net.Dialer has it: the addresses of the
// second family have their turn when the first ones have failed or take long, and
// the first connection is it.
func (a *attempt) race(ctx context.Context, first, other *ways) landed {
	if len(other.to) == 0 {
		return a.inTurn(ctx, first)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan landed, 2)
	run := func(w *ways) {
		l := a.inTurn(ctx, w)
		l.first = w == first
		results <- l
	}
	go run(first)
	delay := time.NewTimer(fallbackDelay)
	defer delay.Stop()
	var firstErr error
	for running, begun := 1, false; ; {
		select {
		case <-delay.C:
			begun = true
			running++
			go run(other)
		case l := <-results:
			running--
			if l.err == nil {
				if running > 0 {
					go a.drop(results, running)
				}
				return l
			}
			if l.first {
				firstErr = l.err
			}
			if running == 0 && begun {
				return landed{err: firstErr}
			}
			if !begun {
				delay.Reset(0)
			}
		}
	}
}

// drop closes what comes late.
func (a *attempt) drop(results <-chan landed, n int) {
	for range n {
		if l := <-results; l.err == nil {
			closeNet(l.nc, "another address was faster")
			a.ledger.release(l.berth, true, time.Now())
		}
	}
}

// inTurn dials one address after the other, and returns the first one's error if
// all fail.
func (a *attempt) inTurn(ctx context.Context, w *ways) landed {
	var firstErr error
	tries := 0
	for len(w.to) > 0 {
		b := a.ledger.take(w, time.Now())
		if b == nil {
			return landed{err: cmp.Or(firstErr, a.refused(w))}
		}
		dialCtx, cancel := shareOfTime(ctx, len(w.to))
		nc, err := a.dialFrom(dialCtx, b)
		cancel()
		if err == nil {
			return landed{nc: nc, berth: b}
		}
		now := time.Now()
		if ctx.Err() != context.Canceled { // else it is not the address's fault
			a.ledger.connected(b, err, now)
		}
		a.ledger.release(b, false, now)
		firstErr = cmp.Or(firstErr, err)
		if ctx.Err() != nil {
			break
		}
		if tries++; isBerths(err) && tries < len(w.from) && a.ledger.hasRoom(b.of.addr, w, now) {
			continue // from another local address
		}
		tries = 0
		w.to = slices.DeleteFunc(slices.Clone(w.to), func(to netip.AddrPort) bool { return to == b.of.addr })
	}
	return landed{err: firstErr}
}

// refused is the error where PortReserve lets no dial begin: for now, or ever.
func (a *attempt) refused(w *ways) error {
	if most := a.ledger.rangeSeen(); most > 0 && w.reserve >= most {
		return fmt.Errorf("berth: PortReserve is %d, and there are %d ports", w.reserve, most)
	}
	return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(w.to[0]), Err: errReserve}
}

// shareOfTime divides what is left of the time for a dial among n addresses, two
// seconds each at least, as net.Dialer does.
func shareOfTime(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || n == 1 {
		return ctx, func() {}
	}
	left := time.Until(deadline)
	return context.WithTimeout(ctx, max(left/time.Duration(n), min(left, 2*time.Second)))
}

func (a *attempt) dialFrom(ctx context.Context, b *berth) (net.Conn, error) {
	nd := net.Dialer{Control: a.control}
	if b.local.IsValid() {
		nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(b.local, 0))
	}
	if a.net != nil {
		nd.Control = a.prepare(b.local.IsValid())
	}
	return nd.DialContext(ctx, "tcp", b.of.addr.String())
}

// prepare is the socket's Control: the user's, and what LocalAddrs and
// PortReserve need.
func (a *attempt) prepare(bound bool) func(network, address string, c syscall.RawConn) error {
	return func(network, address string, c syscall.RawConn) error {
		if a.control != nil {
			if err := a.control(network, address, c); err != nil {
				return err
			}
		}
		return c.Control(func(fd uintptr) {
			if bound {
				choosePortLate(fd)
			}
			if a.net.reserve > 0 {
				a.ledger.sawRange(portsOf(fd))
			}
		})
	}
}
