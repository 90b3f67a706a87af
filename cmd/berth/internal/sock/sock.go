// Package sock holds the words for TCP sockets as the kernel sees them. It does no I/O.
package sock

import (
	"fmt"
	"net/netip"
	"time"
)

// A Socket is what the kernel tells of one TCP socket.
type Socket struct {
	State State

	// Local and Remote are the two ends. An IPv4 connection of an IPv6 socket has IPv4 addresses here, since
	// its ports are IPv4's. Remote is zero for a socket that is connected to nobody.
	Local, Remote netip.AddrPort

	// Interface is the index of the interface that the socket is bound to, zero for none.
	Interface uint32

	// Expires is how long a socket in TimeWait, which lives for 60 seconds, still holds its port. In other
	// states it is the time left of whichever timer runs.
	Expires time.Duration

	// Retransmits is how many times in a row the last segment was sent again without an answer.
	Retransmits uint8

	// The following are known only where the query asked for Info: how many segments of data the socket has sent
	// and received, and how long ago the last of either was. Where there was none, it is since it connected.
	Info                   bool
	Sent, Received         uint32
	LastSent, LastReceived time.Duration

	// UID and Inode lead to the owner. In TimeWait nobody owns the socket any more, and both are zero.
	UID, Inode uint32
}

// Idle is how long the socket has neither sent nor received data, where Info is known.
func (s *Socket) Idle() time.Duration { return min(s.LastSent, s.LastReceived) }

// A State is a state of RFC 9293, by the kernel's numbers (include/net/tcp_states.h).
type State uint8

const (
	Established State = iota + 1
	SynSent
	SynRecv
	FinWait1
	FinWait2
	TimeWait
	Close
	CloseWait
	LastAck
	Listen
	Closing
	NewSynRecv
	Bound // bound to a port, and neither connected nor listening; newer kernels tell
)

var stateNames = [...]string{
	Established: "established",
	SynSent:     "syn-sent",
	SynRecv:     "syn-recv",
	FinWait1:    "fin-wait-1",
	FinWait2:    "fin-wait-2",
	TimeWait:    "time-wait",
	Close:       "close",
	CloseWait:   "close-wait",
	LastAck:     "last-ack",
	Listen:      "listen",
	Closing:     "closing",
	NewSynRecv:  "new-syn-recv",
	Bound:       "bound",
}

// String is the state's name as ss prints it.
func (s State) String() string {
	if s == 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", uint8(s))
	}
	return stateNames[s]
}

// States is a set of states.
type States uint32

// AllStates are those that sockets are found in.
const AllStates States = 1<<(Bound+1) - 2

// SetOf returns the set of the states given.
func SetOf(states ...State) (set States) {
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

// Has reports whether s is in the set.
func (set States) Has(s State) bool { return set&(1<<s) != 0 }
