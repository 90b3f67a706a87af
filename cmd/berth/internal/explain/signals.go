package explain

import "strings"

// A signal is a fault that logs tell in many words.
type signal struct {
	name     string
	means    string
	findings []string            // codes of the findings that it may come with
	in       func(l string) bool // whether a line, in lower case, tells of it
}

// signals are in the order to try: the first that a line tells of is it.
var signals = []signal{
	{
		name:  "address not here",
		means: "bind was given an address that this machine does not have: a wrong setting, and no want of ports",
		in:    func(l string) bool { return notAvail(l) && binds(l) },
	},
	{
		name:     "no local port",
		means:    "connect found no free local port for this destination (EADDRNOTAVAIL)",
		findings: []string{"time-wait-exhaustion", "connection-leak", "narrow-range"},
		in:       notAvail,
	},
	{
		name:     "no port to bind",
		means:    "bind found no free port for any destination (EADDRINUSE): a source address was given without IP_BIND_ADDRESS_NO_PORT",
		findings: []string{"bound-ports"},
		in:       func(l string) bool { return addrInUse(l) && dials(l) && !has(l, "in use: connect") },
	},
	{
		name:     "no port on Windows",
		means:    "the dynamic port range of Windows is used up, or its memory for sockets (WSAENOBUFS 10055); netsh int ipv4 show dynamicport tcp has the range, 16,384 ports if nobody changed it",
		findings: []string{"time-wait-exhaustion", "connection-leak"},
		in: func(l string) bool {
			return has(l, "maximum connections reached", "lacked sufficient buffer space", "wsaenobufs", "global tcp port space has failed")
		},
	},
	{
		name:     "port not free again on Windows",
		means:    "Windows picked a port that is still in TIME_WAIT to the same destination (WSAEADDRINUSE 10048, event 4227)",
		findings: []string{"time-wait-exhaustion"},
		in: func(l string) bool {
			return has(l, "only one usage of each socket address", "address already in use: connect", "selected local endpoint was recently used")
		},
	},
	{
		name:  "no memory for sockets",
		means: "the kernel has no memory for the socket (ENOBUFS): on Linux that is net.ipv4.tcp_mem, and no want of ports",
		in:    func(l string) bool { return has(l, "no buffer space available", "enobufs") },
	},
	{
		name:     "no open file left",
		means:    "the process or the system has no open file left (EMFILE, ENFILE): a leak of connections meets this limit before it runs out of ports",
		findings: []string{"connection-leak", "close-wait-leak"},
		in:       func(l string) bool { return has(l, "too many open files", "emfile", "enfile") },
	},
	{
		name:     "connect not permitted",
		means:    "the packet filter of this machine dropped the first segment (EPERM), as it does when connection tracking is full",
		findings: []string{"conntrack-full"},
		in: func(l string) bool {
			return has(l, "connect: operation not permitted", "nf_conntrack: table full", "connect eperm")
		},
	},
	{
		name:     "pool too small",
		means:    "the client's own pool was full: it makes connections beyond it and throws them away, or lets requests wait",
		findings: []string{"time-wait-exhaustion"},
		in: func(l string) bool {
			return has(l, "connection pool is full, discarding connection", "timeout waiting for connection from pool", "connectionpooltimeoutexception", "too many idle connections for host")
		},
	},
	{
		name:     "no answer",
		means:    "nobody answered the connect in time: a NAT without ports, a firewall, a server that is gone or overloaded; ports here are not the reason",
		findings: []string{"nat-suspected", "conntrack-full"},
		in:       unanswered,
	},
}

func has(l string, texts ...string) bool {
	for _, s := range texts {
		if strings.Contains(l, s) {
			return true
		}
	}
	return false
}

// notAvail is Linux's and macOS's EADDRNOTAVAIL, in libc's words or by name, and HAProxy's word for it.
func notAvail(l string) bool {
	return has(l, "assign requested address", "eaddrnotavail", ": no free ports", "address not available")
}

func addrInUse(l string) bool { return has(l, "address already in use", "eaddrinuse") }

// unanswered is a timeout of connect. One of read has much the same words, and is nothing of ours.
func unanswered(l string) bool {
	return has(l, "connect timed out", "connect etimedout", "connecttimeout", "connect timeout") ||
		has(l, "i/o timeout", "timed out") && dials(l)
}

// binds tells bind from connect, which share their errors.
func binds(l string) bool {
	return has(l, "bind: ", "bind(", ": bind", ": jvm_bind", "(bind failed)", "listen tcp", "listen eaddr", "listen udp") && !has(l, ": connect", "connect()")
}

// dials tells of an outgoing connection, by what Go, Node, nginx, HAProxy and Apache HttpClient write there.
func dials(l string) bool {
	return has(l, "dial tcp", "connect eaddrinuse", "while connecting", "connect() ", "connect to ", "failed to establish a new connection")
}
