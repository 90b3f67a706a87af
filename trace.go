package berth

import (
	"errors"
	"net/http/httptrace"
	"time"
)

// traceGotConn tells the request's trace of its connection.
func (x *exchange) traceGotConn(l *lease) {
	if x.trace == nil || x.trace.GotConn == nil {
		return
	}
	info := httptrace.GotConnInfo{Conn: l.c.nc, Reused: l.reused}
	if !l.idledAt.IsZero() {
		info.WasIdle = true
		info.IdleTime = time.Since(l.idledAt)
	}
	x.trace.GotConn(info)
}

// tracePut tells what became of a connection that was given back. A trace hears
// nothing of connections that could not have been kept, nor of those of HTTP/2,
// which are not given back.
func tracePut(trace *httptrace.ClientTrace, c *conn, do *todo) {
	if do.released == c {
		return
	}
	for _, d := range do.closes {
		if d.c != c {
			continue
		}
		switch d.why {
		case closedAfterRequest, closedByError, closedCanceled, closedUnclean, closedByPeer:
		default:
			trace.PutIdleConn(errors.New("berth: connection closed: " + d.why.String()))
		}
		return
	}
	trace.PutIdleConn(nil)
}
