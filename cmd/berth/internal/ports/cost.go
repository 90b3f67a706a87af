package ports

import "time"

// Costs are what connect takes of the CPU. The kernel walks the ports, those of one parity first: a port in
// TIME_WAIT is dearer to pass over than a live one, since it is looked at under a lock.
type Costs struct {
	Base     time.Duration // with a free port at once
	TimeWait time.Duration // each port in TIME_WAIT that is passed over
	Live     time.Duration // each other port that is
	Measured bool          // on this machine
}

// Estimated are the costs on a machine that nobody has measured.
var Estimated = Costs{Base: 15 * time.Microsecond, TimeWait: 170 * time.Nanosecond, Live: 60 * time.Nanosecond}

// A scan is what connect finds in the ports.
type scan struct {
	half     int  // ports that it tries first
	free     int  // of these
	live     int  // of these
	timeWait int  // of these
	other    int  // held ports of the other half
	none     bool // no port is free in either half
}

// connect is what one connect takes: with f free among h ports, it passes over h/(f+1) of them on average.
func (c Costs) connect(s scan) time.Duration {
	first := time.Duration(s.live)*c.Live + time.Duration(s.timeWait)*c.TimeWait
	cost := c.Base + first/time.Duration(s.free+1)
	if s.none {
		held := max(1, s.live+s.timeWait)
		cost += first / time.Duration(held) * time.Duration(s.other)
	}
	return cost
}
