package berth

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
	"weak"
)

// Events are functions that a Transport calls as it works, as those of an
// httptrace.ClientTrace, for all requests. Any may be nil. They are called on the
// goroutines that do the work, at the same time and in no certain order, with no
// lock held; what they take, a request may wait for.
type Events struct {
	Dial       func(DialEvent) // a dial begins
	Dialed     func(DialEvent) // it has brought a connection
	DialFailed func(DialEvent) // it has not

	// Elided: a dial that was put off was not needed, since a connection came
	// back.
	Elided func(host string)

	Acquired func(AcquireEvent) // a request has a connection
	Closed   func(CloseEvent)   // a connection has left, closed or upgraded

	Leaked       func(LeakEvent) // a response's body has been open for LeakAfter
	LeakReturned func(LeakEvent) // and was closed, or read to its end, after all
}

// A DialEvent tells of a dial.
type DialEvent struct {
	Host  string // as in Stats
	Why   string // it was begun
	Took  time.Duration
	Local net.Addr // of the connection; nil if there is none
	Err   error    // of one that failed
}

// An AcquireEvent tells that a request got a connection.
type AcquireEvent struct {
	Host   string        // as in Stats
	Waited time.Duration // dial included
	Reused bool          // the connection had served before
	Local  net.Addr
}

// A CloseEvent tells that a connection left.
type CloseEvent struct {
	Host     string // as in Stats
	Why      string // the words of Stats' ClosedConns, such as "idle timeout"
	Age      time.Duration
	Requests int // that it served
	Local    net.Addr
}

// watched is what is noted of an exchange for Events, Logger and LeakAfter.
type watched struct {
	asked time.Time // when acquire began
	stack []uintptr // where the request is made, if it is in the sample

	response *http.Response // of the caller's, which is a copy
	theirs   weak.Pointer[http.Response]
}

// watch returns it, made when first needed.
func (x *exchange) watch() *watched {
	if x.watched == nil {
		x.watched = new(watched)
	}
	return x.watched
}

// A teller is who is told of events: what Events and Logger were when a request
// began.
type teller struct {
	events *Events
	log    *slog.Logger
}

func (t teller) on() bool { return t.events != nil || t.log != nil }

func (t teller) logs(level slog.Level) bool {
	return t.log != nil && t.log.Enabled(context.Background(), level)
}

func (t teller) dial(d *dial) {
	if t.events != nil && t.events.Dial != nil {
		t.events.Dial(DialEvent{Host: d.h.name, Why: d.why})
	}
	if t.logs(slog.LevelDebug) {
		t.log.Debug("dial", "host", d.h.name, "why", d.why)
	}
}

func (t teller) dialed(d *dial, nc net.Conn, took time.Duration) {
	if t.events != nil && t.events.Dialed != nil {
		t.events.Dialed(DialEvent{Host: d.h.name, Why: d.why, Took: took, Local: nc.LocalAddr()})
	}
	if t.logs(slog.LevelDebug) {
		t.log.Debug("dialed", "host", d.h.name, "took", took, "local", nc.LocalAddr())
	}
}

// dialFailed is not told of a dial that we ended ourselves.
func (t teller) dialFailed(d *dial, err error, took time.Duration) {
	if d.ctx.Err() != nil {
		return
	}
	if t.events != nil && t.events.DialFailed != nil {
		t.events.DialFailed(DialEvent{Host: d.h.name, Why: d.why, Took: took, Err: err})
	}
	if t.logs(slog.LevelWarn) {
		t.log.Warn("dial failed", "host", d.h.name, "took", took, "err", err)
	}
}

func (t teller) elided(host string) {
	if t.events != nil && t.events.Elided != nil {
		t.events.Elided(host)
	}
	if t.logs(slog.LevelDebug) {
		t.log.Debug("dial elided", "host", host)
	}
}

func (t teller) acquired(l *lease, waited time.Duration) {
	if t.events != nil && t.events.Acquired != nil {
		t.events.Acquired(AcquireEvent{Host: l.c.h.name, Waited: waited, Reused: l.reused, Local: l.c.nc.LocalAddr()})
	}
	if t.logs(slog.LevelDebug) {
		t.log.Debug("acquired", "host", l.c.h.name, "waited", waited, "reused", l.reused)
	}
}

func (t teller) closed(c *conn, why closeReason) {
	if !t.on() {
		return
	}
	e := CloseEvent{Host: c.h.name, Why: why.String(), Age: time.Since(c.born), Requests: c.served, Local: c.nc.LocalAddr()}
	if t.events != nil && t.events.Closed != nil {
		t.events.Closed(e)
	}
	if t.logs(slog.LevelDebug) {
		t.log.Debug("closed", "host", e.Host, "why", e.Why, "age", e.Age, "requests", e.Requests)
	}
}

func (t teller) leaked(e LeakEvent) {
	if t.events != nil && t.events.Leaked != nil {
		t.events.Leaked(e)
	}
	if t.logs(slog.LevelWarn) {
		t.log.Warn("response body is open", "host", e.Host, "for", e.Open, "requested", e.Stack)
	}
}

func (t teller) leakReturned(e LeakEvent) {
	if t.events != nil && t.events.LeakReturned != nil {
		t.events.LeakReturned(e)
	}
	if t.logs(slog.LevelInfo) {
		t.log.Info("response body was closed after all", "host", e.Host, "after", e.Open)
	}
}
