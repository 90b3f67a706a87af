package demo

import (
	"net/netip"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
	"github.com/berth-go/berth/cmd/berth/internal/sockdiag"
)

type addrPort = netip.AddrPort

// A census counts the sockets of this machine that are, or were, connected to one address.
type census struct{ open, closing, timeWait int }

func takeCensus(remote addrPort) (c census, err error) {
	q := sockdiag.Query{Family: sockdiag.IPv4, States: sock.AllStates, RemotePort: remote.Port()}
	err = sockdiag.Dump(q, func(s sock.Socket) {
		if s.Remote == remote {
			c.add(s.State)
		}
	})
	return c, err
}

func (c *census) add(s sock.State) {
	switch s {
	case sock.TimeWait:
		c.timeWait++
	case sock.Established:
		c.open++
	default:
		c.closing++ // or opening: on its way to one of the others, either way
	}
}
