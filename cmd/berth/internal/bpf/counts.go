package bpf

import (
	"net/netip"
	"time"
)

// Counts is what the kernel counted since it was asked to.
type Counts struct {
	Groups []Group
	Lost   Lost
}

// Lost is what there was no room for.
type Lost struct {
	Connections int // whose ends are not counted
	Stacks      int // of connects, which are counted
	Groups      int // destinations, calls, errors and reasons of which there were too many to count them all
	Missed      int // changes of a socket's state, while another one was looked at on the same CPU
	News        int // processes that may have ended before anybody looked at them
}

// Sum is how many events are missing in the counts.
func (l Lost) Sum() int { return l.Connections + l.Stacks + l.Groups + l.Missed + l.News }

// A Group is what one process did with one destination.
type Group struct {
	PID         int
	Destination netip.AddrPort
	Command     string // of the thread that connected first, at most 15 bytes

	Begun       int // connects that were tried
	Established int
	ByUs        int // of these: this side closed first
	ByPeer      int
	Reset       int            // by either side
	Open        int            // still
	Left        int            // open when the process ended
	Peak        int            // most that were open at once
	Failed      map[uint32]int // connects, by errno

	// EndedSegments and OpenSegments are how many segments of data this side sent on connections that ended, and
	// on those that are open.
	EndedSegments, OpenSegments int

	Life   Histogram // of those that ended
	Search Histogram // for a local port; empty where it could not be measured

	Sites   []Site
	Reasons map[string]int // why a library closed connections, in its words
}

// A Site is a call that opens connections.
type Site struct {
	By          By
	Stack       []uint64 // return addresses, innermost first; nil where it was lost
	Caller      uint64   // of Connect: perhaps a return address between the first and the second of Stack
	Connections int
	Failed      int
	Transports  []Transport // for By other than Connect
}

// By is how a call was seen to open connections.
type By uint32

const (
	Connect By = iota // in the system call: on whichever thread or goroutine it was made
	HTTP              // a request for which net/http dials
	Berth             // one for which berth.Transport dials
)

// A Transport is one that dialed, by its address, which may have been another's before.
type Transport struct {
	Address     uint64
	Connections int
	MaxIdle     int  // MaxIdleConnsPerHost; -1 where it is not known
	NoKeepAlive bool // DisableKeepAlives
}

// Histogram counts durations: element i those from 2^i to 2^(i+1) microseconds, the first those below 2.
type Histogram [40]int

// Quantile is the duration that a share q of those counted do not exceed, to within a factor of the square root
// of two. It is zero where there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := 0
	for _, n := range h {
		total += n
	}
	if total == 0 {
		return 0
	}
	left := int(q*float64(total-1)) + 1
	for i, n := range h {
		if left -= n; left <= 0 {
			return time.Duration(float64(time.Microsecond<<i) * 1.4142)
		}
	}
	return 0
}

// A Probe is a place in an executable where something can be seen.
type Probe struct {
	Point  Point
	Offset uint64 // in the file
	Cookie uint64
}

// Point is what is seen there.
type Point int

const (
	HTTPQueue Point = iota
	HTTPDeliver
	HTTPClose
	BerthDial
	BerthDialed
	BerthClose
)

// HTTPLayout is where net/http of some release has the fields that the probes read, as a probe's cookie.
type HTTPLayout struct {
	Closed         uint16 // persistConn.closed
	NoKeepAlive    uint16 // Transport.DisableKeepAlives
	MaxIdlePerHost uint16 // Transport.MaxIdleConnsPerHost
}

// Cookie packs the layout for the kernel.
func (l HTTPLayout) Cookie() uint64 {
	return uint64(l.Closed) | uint64(l.NoKeepAlive)<<16 | uint64(l.MaxIdlePerHost)<<32
}

// Options say whom to watch.
type Options struct {
	PID    int    // one process
	All    bool   // every process of our pid namespace and those below
	Follow bool   // what a watched process starts
	Cgroup string // the folder of a cgroup, or its path in the hierarchy: what runs in it and below
}
