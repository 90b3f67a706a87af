package berth

import "time"

// Stats is what a Transport knows of itself at one moment. The embedded numbers
// are the totals of all hosts; of counters, also of those that have no
// connection any more and are forgotten.
type Stats struct {
	HostStats

	// Hosts has each host's own, by its key, scheme://host:port.
	Hosts map[string]HostStats
}

// HostStats is one host's part of Stats, in the words of sql.DBStats and
// pgxpool.Stat.
type HostStats struct {
	// Now.
	Open    int // connections: in use and idle
	InUse   int
	Idle    int
	Dialing int
	Waiting int // requests that wait for a connection

	// InFlight is how many exchanges the connections in use serve: one each over
	// HTTP/1, as many as there are streams over HTTP/2.
	InFlight int

	// Since the host became known.
	Acquired     int64         // leases of a connection to a request
	Reused       int64         // of these, of a connection that was there before
	Waited       int64         // requests that found none idle, and waited, for their dial at least
	WaitDuration time.Duration // for how long, in all
	Canceled     int64         // requests that gave up waiting
	Rejected     int64         // requests that found the queue full: MaxWaiting
	Dials        int64         // begun
	DialsFailed  int64
	DialsElided  int64 // put off, since a connection was about to come back, and not needed
	Leaked       int64 // response bodies that were open for LeakAfter
	Upgraded     int64 // connections that left for their caller: 101 Switching Protocols
	Closed       ClosedConns
}

// ClosedConns counts the connections that a Transport closed, by cause.
type ClosedConns struct {
	IdleTimeout    int64 // IdleConnTimeout
	Lifetime       int64 // MaxConnLifetime
	Peer           int64 // the server closed it
	Unclean        int64 // bytes came that nobody asked for, or a body was closed unread
	NotKept        int64 // one side said close, or keep-alives are disabled
	MaxIdle        int64 // MaxIdleConns
	MaxIdlePerHost int64 // MaxIdleConnsPerHost
	MadeRoom       int64 // MaxConns: for an older request to another host
	IdleCall       int64 // CloseIdleConnections
	Canceled       int64 // its request was cancelled or timed out
	Broken         int64 // reading or writing failed
	Transport      int64 // Close or Shutdown
	MaxRequests    int64 // MaxConnRequests
	OverLimit      int64 // SetHostLimits lowered MaxConnsPerHost
	Lost           int64 // a response's body was never closed, and the collector found it
	Spare          int64 // over HTTP/2: dialed, and not needed beside another one
	Moved          int64 // ResolveInterval: its address is none of its host's any more
}

// counts are a host's counters, guarded by its mutex.
type counts struct {
	acquired, reused, waited, canceled, rejected int64
	dials, dialsFailed, elided, leaked           int64
	waitTime                                     time.Duration
	closed                                       [closeReasons]int64
	lastDialErr                                  error
}

func (a *counts) add(b *counts) {
	a.acquired += b.acquired
	a.reused += b.reused
	a.waited += b.waited
	a.canceled += b.canceled
	a.rejected += b.rejected
	a.dials += b.dials
	a.dialsFailed += b.dialsFailed
	a.elided += b.elided
	a.leaked += b.leaked
	a.waitTime += b.waitTime
	for i, n := range b.closed {
		a.closed[i] += n
	}
}

// stats writes the counters under their public names.
func (c *counts) stats(s *HostStats) {
	n := &c.closed
	*s = HostStats{
		Acquired:     c.acquired,
		Reused:       c.reused,
		Waited:       c.waited,
		WaitDuration: c.waitTime,
		Canceled:     c.canceled,
		Rejected:     c.rejected,
		Dials:        c.dials,
		DialsFailed:  c.dialsFailed,
		DialsElided:  c.elided,
		Leaked:       c.leaked,
		Upgraded:     n[closedUpgraded],
		Closed: ClosedConns{
			IdleTimeout:    n[closedIdleTimeout],
			Lifetime:       n[closedTooOld],
			Peer:           n[closedByPeer],
			Unclean:        n[closedUnclean],
			NotKept:        n[closedAfterRequest],
			MaxIdle:        n[closedExcess],
			MaxIdlePerHost: n[closedExcessHost],
			MadeRoom:       n[closedForOther],
			IdleCall:       n[closedIdleCall],
			Canceled:       n[closedCanceled],
			Broken:         n[closedByError],
			Transport:      n[closedByClose],
			MaxRequests:    n[closedWorn],
			OverLimit:      n[closedOverLimit],
			Lost:           n[closedLost],
			Spare:          n[closedSpare],
			Moved:          n[closedMoved],
		},
	}
}

// Stats returns a snapshot. Each host's numbers are of one moment; those of
// different hosts may be apart by the time that it takes.
func (t *Transport) Stats() Stats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	total := t.past
	s := Stats{Hosts: make(map[string]HostStats, len(t.hosts))}
	var now, hs HostStats
	type named struct {
		name string
		HostStats
	}
	var others []named // whose name another may have, too: for WebSockets, by another password
	for _, h := range t.hosts {
		h.mu.Lock()
		h.stats(&hs)
		total.add(&h.counts)
		h.mu.Unlock()
		now.Open += hs.Open
		now.InUse += hs.InUse
		now.Idle += hs.Idle
		now.Dialing += hs.Dialing
		now.Waiting += hs.Waiting
		now.InFlight += hs.InFlight
		if h.key.http1 || h.key.proxy != "" {
			others = append(others, named{h.name, hs})
			continue
		}
		s.Hosts[h.name] = hs
	}
	for _, o := range others {
		s.Hosts[o.name] = s.Hosts[o.name].plus(o.HostStats)
	}
	total.stats(&s.HostStats)
	s.Open, s.InUse, s.Idle, s.Dialing, s.Waiting, s.InFlight = now.Open, now.InUse, now.Idle, now.Dialing, now.Waiting, now.InFlight
	return s
}

// stats writes what the host has now and has counted, under its public names.
func (h *host) stats(s *HostStats) {
	h.counts.stats(s)
	s.Open = h.idle.n + h.inUse
	s.InUse = h.inUse
	s.InFlight = h.leased.n
	s.Idle = h.idle.n
	s.Dialing = h.dials.n
	s.Waiting = h.waiting.n
}

// plus adds up hosts of one name: with HTTP/2 and without, or through proxies
// that differ in a password only.
func (s HostStats) plus(o HostStats) HostStats {
	s.Open += o.Open
	s.InUse += o.InUse
	s.Idle += o.Idle
	s.Dialing += o.Dialing
	s.Waiting += o.Waiting
	s.InFlight += o.InFlight
	s.Acquired += o.Acquired
	s.Reused += o.Reused
	s.Waited += o.Waited
	s.WaitDuration += o.WaitDuration
	s.Canceled += o.Canceled
	s.Rejected += o.Rejected
	s.Dials += o.Dials
	s.DialsFailed += o.DialsFailed
	s.DialsElided += o.DialsElided
	s.Leaked += o.Leaked
	s.Upgraded += o.Upgraded
	s.Closed = s.Closed.plus(o.Closed)
	return s
}

func (c ClosedConns) plus(o ClosedConns) ClosedConns {
	c.IdleTimeout += o.IdleTimeout
	c.Lifetime += o.Lifetime
	c.Peer += o.Peer
	c.Unclean += o.Unclean
	c.NotKept += o.NotKept
	c.MaxIdle += o.MaxIdle
	c.MaxIdlePerHost += o.MaxIdlePerHost
	c.MadeRoom += o.MadeRoom
	c.IdleCall += o.IdleCall
	c.Canceled += o.Canceled
	c.Broken += o.Broken
	c.Transport += o.Transport
	c.MaxRequests += o.MaxRequests
	c.OverLimit += o.OverLimit
	c.Lost += o.Lost
	c.Spare += o.Spare
	c.Moved += o.Moved
	return c
}
