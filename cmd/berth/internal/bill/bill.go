// Package bill holds the words for what processes were seen to do with their connections: the facts of berth trace.
// It does no I/O.
package bill

import (
	"net/netip"
	"time"
)

// A Bill is what was seen in some time. Groups are those with the most connections first.
type Bill struct {
	Time    time.Duration // that it took
	Tier    Tier
	Groups  []Group
	Lost    int      // events that were seen and not counted: there are at least as many more of all
	Missing []string // sentences: what could not be seen, and what would let it be seen
}

// A Tier is how it was seen.
type Tier string

const (
	EBPF    Tier = "ebpf"    // each connection, its process and the call that opened it
	Destroy Tier = "destroy" // the kernel's messages of sockets that ended (SKNLGRP_INET_TCP_DESTROY): no process, no call
)

// A Group is what one process did with one destination: connections that were opened in the time, and by this side.
type Group struct {
	Process     Process // PID is 0 where it is not known
	Destination netip.AddrPort

	Connections  int // established, or ended where nothing else is known
	Open         int // still, or when the process ended
	Peak         int // most that were open at once
	ClosedByUs   int // this side closed first: TIME_WAIT here
	ClosedByPeer int
	Reset        int            // by either side: no TIME_WAIT
	Failed       map[string]int // connects, by the errno's name

	// Requests is how many there were a connection: an estimate, the segments of data that this side sent. A request
	// of several segments counts as several, and a TLS handshake as two.
	Requests float64

	Life   Quantiles // of the connections that ended
	Search Quantiles // how long the kernel looked for a local port; zero where it is not known

	Transports   int            // of all calls, at least: an address may have been two Transports'
	Sites        []Site         // those with the most connections first
	CloseReasons map[string]int // in the words of the library that closed
	Unplaced     int            // connections that no call is known for
	Unknown      []string       // the stack of one of those
	Hint         string         // what would let the calls be known; empty where they are
}

// Quantiles of a duration.
type Quantiles struct{ P50, P99 time.Duration }

// A Process opens connections.
type Process struct {
	PID       int
	Command   string
	Cmdline   []string
	Container string // its id, or empty
	Go        string // the release that built it, such as go1.26.8; empty where it was not Go
}

// A Site is a call of the application, below which a library or the runtime opens connections.
type Site struct {
	Function    string
	File        string // as the binary has it; empty where it is not known
	Line        int
	Connections int
	Failed      int

	// Through is what the call goes through: net/http, berth, or empty for a connect of its own.
	Through     Library
	Transports  int  // that it went through, at least: an address may have been two Transports'
	MaxIdle     int  // MaxIdleConnsPerHost of these, the most; 0 is net/http's own, -1 that it is not known
	NoKeepAlive bool // one of these has DisableKeepAlives

	Stack []string // of the most frequent way to it, innermost first
}

// A Library opens connections for the application.
type Library string

const (
	NetHTTP Library = "net/http"
	Berth   Library = "berth"
)

// Ended is how many connections ended.
func (g *Group) Ended() int { return g.ClosedByUs + g.ClosedByPeer + g.Reset }

// Failures is how many connects failed.
func (g *Group) Failures() (n int) {
	for _, f := range g.Failed {
		n += f
	}
	return n
}
