package berth

import (
	"context"
	"time"
)

// standby is how a host keeps MinIdleConnsPerHost: by dials that are for nobody,
// as the last request that had to wait would have dialed.
type standby struct {
	want    *want
	dialer  *dialer   // nil: nothing is to be kept ready
	used    time.Time // when a request last had a connection
	backoff backoff   // after connections that ended before they were of use
}

// remember takes over how a connection is to be dialed. The host's own limits are
// not in want, since they may change.
func (h *host) remember(want *want, dialer *dialer) {
	h.standby.dialer = nil
	if h.limited(want).minIdle > 0 {
		h.standby.want, h.standby.dialer = want.lasting(), dialer.detached()
	}
}

// detached is a dialer for dials that no request waits for.
func (d *dialer) detached() *dialer {
	own := *d
	own.ctx = context.Background()
	return &own
}

// expects reports whether connections are to be kept ready: not for a host that
// has had no request for as long as a connection may be idle.
func (h *host) expects(now time.Time) bool {
	s := &h.standby
	if s.dialer == nil || h.shut || h.gone || h.budget.closeIdle.Load() {
		return false
	}
	return s.want.idleTimeout <= 0 || now.Sub(s.used) < s.want.idleTimeout
}

// topUp starts the dials that are missing. After one that failed, or a connection
// that was of no use to anybody, it pauses.
func (h *host) topUp(now time.Time, do *todo) {
	if !h.expects(now) {
		return
	}
	want := h.limited(h.standby.want)
	if !want.keeps() {
		return
	}
	for n := h.lacking(want, now); n > 0; n-- {
		if h.standbyPause().After(now) {
			do.put = true
			return
		}
		if h.idle.n+h.inUse == 0 && h.dials.n > 0 {
			return // let one find out what the host is like, and whether it is there
		}
		if !h.mayStandBy(want) || !h.budget.spare(want) {
			return
		}
		d := newDial(h, want, h.standby.dialer, "too few idle connections", now)
		h.dials.pushBack(&d.place)
		h.counts.dials++
		do.dials = append(do.dials, d)
	}
}

// lacking is how many connections are missing, those that are being dialed for
// nobody counted as there. Over HTTP/2 a stream is as good as a connection.
func (h *host) lacking(want *want, now time.Time) int {
	least := want.minIdle
	if most := want.maxIdlePerHost; most > 0 {
		least = min(least, most)
	}
	n := least - h.idle.n
	for d := range h.dials.all {
		if d.n == 0 {
			n--
		}
	}
	if h.http2 && n > 0 && (n < least || h.hasStreams(now)) {
		return 0
	}
	return n
}

// mayStandBy reports whether the host's limits allow one more connection.
func (h *host) mayStandBy(want *want) bool {
	return (want.maxConnsPerHost <= 0 || h.conns() < want.maxConnsPerHost) &&
		(want.maxDialsPerHost <= 0 || h.dials.n < want.maxDialsPerHost) &&
		(want.maxHTTP2 <= 0 || !h.http2 || h.conns() < want.maxHTTP2)
}

// standbyPause is until when no connection is dialed for nobody.
func (h *host) standbyPause() time.Time {
	if h.backoff.until.After(h.standby.backoff.until) {
		return h.backoff.until
	}
	return h.standby.backoff.until
}

// wasted notes that a connection ends. If it was of no use, and not for long there,
// the next one's turn is after a pause: whatever closes them would close that one
// too.
func (h *host) wasted(c *conn, now time.Time, do *todo) {
	switch s := &h.standby; {
	case s.dialer == nil:
	case c.served == 0 && now.Sub(c.since) < lastRemotePause:
		s.backoff.grow(false, h.early(), now)
		do.put = true
	default:
		s.backoff = backoff{}
	}
}
