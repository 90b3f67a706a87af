// Package ports is the arithmetic of local ports: the budget of a pair of source and destination, what is held
// of it, how fast, and how long it lasts. It does no I/O.
package ports

import (
	"net/netip"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// A Table is one look at a machine: what was read, and what follows from it. What could not be read is said
// in Missing.
type Table struct {
	Time         time.Time
	Host, Kernel string
	Namespaces   []Namespace
	Destinations []Destination // by namespace, the fullest first
	Services     []Service     // by namespace, the busiest first
	Missing      []string      // sentences: what could not be seen, and what would let it be seen
}

// A Namespace is a network namespace and its settings. Name is empty for the one that berth runs in.
type Namespace struct {
	Name        string
	First, Last int // net.ipv4.ip_local_port_range
	Reserved    int // ports of the range in ip_local_reserved_ports
	TimeWait    time.Duration
	TWReuse     int           // net.ipv4.tcp_tw_reuse: 0 never, 1 always, 2 loopback only
	TWDelay     time.Duration // net.ipv4.tcp_tw_reuse_delay: a TIME_WAIT of that age may be reused
	TWBuckets   int           // net.ipv4.tcp_max_tw_buckets
	TWCount     int           // sockets in TIME_WAIT, of the whole namespace
	TWServer    int           // of these, those of accepted connections: the port is a listener's, and shared
	TWOverflow  int64         // TcpExtTCPTimeWaitOverflow: TIME_WAITs that were never made, since boot

	BoundPorts     int // ports of the range that bound sockets hold, whatever their address: lost to every destination
	BoundByDialers int // of these, by sockets that were bound and then connected (bind without IP_BIND_ADDRESS_NO_PORT)
	Listeners      int // listening sockets inside the range

	LeftOut   int // destinations that are not in the table: of very many, those that hold next to nothing
	PortsHeld int // ports of the range that any socket holds: bind to port 0 cannot have them

	Timestamps bool // net.ipv4.tcp_timestamps: without them no port in TIME_WAIT is lent again

	// NoAges is where the system does not say how old a TIME_WAIT is, which is so on all but Linux: there is no
	// history and no forecast, Rate is the mean of the whole TIME_WAIT time, and nothing is known of a cliff.
	NoAges bool

	Conntrack, ConntrackMax int // entries and limit; 0 where there is no connection tracking
	SynSent                 int // sockets that wait for an answer to their SYN
}

// Size is how many ports connect may choose from: the range less what is reserved.
func (n *Namespace) Size() int { return max(0, n.Last-n.First+1-n.Reserved) }

// Steps of the history that TIME_WAIT gives: what was closed in the last minute.
const (
	Steps    = 12
	StepTime = 5 * time.Second
)

// IdleAfter is how long a connection has had no traffic when it counts as idle.
const IdleAfter = 5 * time.Second

// What is taken for a connection that was used once. A handshake of TLS and a request in two parts send several
// segments. A stream goes on to receive long after it sent, and a request that waits has received nothing.
const (
	OnceAfter    = 3 * time.Second
	onceSegments = 6               // tcpi_data_segs_out, at most
	onceAnswered = 5 * time.Second // between what was sent and received last, at most
)

// A Destination is one pair of a source address, and a destination address and port, that this machine
// connects to: the unit that a port is used up for.
type Destination struct {
	Namespace   string
	Source      netip.Addr
	Destination netip.AddrPort

	Budget        int // ports that there are for the pair
	Held          int // of these, by sockets of any state
	Reusable      int // of the held, in TIME_WAIT and free to be taken again (loopback, tcp_tw_reuse)
	Free          int // Budget − Held + Reusable
	FirstHalfFree int // free ports of the half that connect tries first; 0 is past the cliff

	States map[sock.State]int
	Closed [Steps]float64 // connections closed by this side a second, in steps of 5 s, the oldest first
	Rate   float64        // of the last steps: closed by this side a second, now
	Wall   float64        // the rate at which the ports run out: Budget / time that a port is gone for
	Cliff  float64        // the rate at which half of them are gone for good

	ConnectCost         time.Duration // of one connect, as things are
	ConnectCostMeasured bool          // by --calibrate, else estimated
	ExhaustedIn         time.Duration // until no port is left, at this trend; negative is never

	Accepted   int // where the destination is on this machine: the sockets of its side, which hold no port
	Bound      int // of Held, by sockets that were bound before they connected: lost to every destination
	Unowned    int // live sockets whose process could not be seen
	Owners     []Owner
	OldestIdle time.Duration // how long the live connections have had no traffic, at most; 0 is unknown

	// What tells a leak from a pool, of the Established; both 0 where it was not read (tcp_info). A pool's
	// connections work again and again, a leak's once.
	Idle int // have sent and received nothing for IdleAfter
	Once int // have done no more than one request, answered at once, and nothing since for OnceAfter

	// Opened is when the Once, and those that will be, sent last, a second, in steps of 5 s, the oldest first: how a
	// leak grows.
	Opened [Steps]float64

	SynRetried int // of SynSent, those that had no answer and have sent their SYN again (idiag_retrans > 0)
}

// A Service is a port that this machine listens on, and what it accepted there: those sockets hold no port.
type Service struct {
	Namespace string
	Local     netip.AddrPort
	States    map[sock.State]int // without the listeners
	Owners    []Owner
}

// An Owner is a process that has live sockets to a destination.
type Owner struct {
	PID       int
	Command   string // of /proc/PID/comm, or the program's name
	Cmdline   []string
	User      string
	Container string // id from the cgroup, or empty
	Sockets   int
	Files     int  // open descriptors
	FileLimit int  // RLIMIT_NOFILE, soft
	Go        bool // the executable says that it was built by Go; false where nobody looked
	Inferred  bool // of TIME_WAITs, which have no owner: the one who holds live sockets to the same destination
}
