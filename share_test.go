package berth

import (
	"testing"
	"time"
)

// oneConn is a world whose second host speaks HTTP/2 with so many streams, on
// one connection at most.
func oneConn(t *testing.T, streams int) *world {
	w := newWorld(t, want{maxHTTP2: 1, idleTimeout: time.Minute}, 2)
	w.streams = streams
	return w
}

func (w *world) hangUp(c *conn) {
	var do todo
	c.h.hangup(c, w.now, &do)
	w.act(c.h, &do)
}

// A connection that is idle and has no stream for those that wait makes room
// when it goes, whatever ends it.
func TestAChokedIdleConnectionMakesRoom(t *testing.T) {
	for name, end := range map[string]func(w *world, c *conn){
		"hung up": func(w *world, c *conn) { w.hangUp(c) },
		"expired": func(w *world, c *conn) {
			w.sleep(2 * time.Minute)
			var do todo
			c.h.expire(w.now, &do)
			w.act(c.h, &do)
		},
		"CloseIdleConnections": func(w *world, c *conn) {
			var do todo
			c.h.closeIdle(w.now, &do)
			w.act(c.h, &do)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := oneConn(t, 1)
			rt := w.request(1)
			c := w.dialed(w.wantDial(rt))
			rt.choke()
			rt.wantWaiting()
			w.check()
			end(w, c)
			w.wantDial(rt)
			w.check()
		})
	}
}

// So does one that takes no more requests, though its streams go on.
func TestALeavingConnectionMakesRoom(t *testing.T) {
	w := oneConn(t, 2)
	w.dialed(w.wantDial(w.request(1)))
	rt2 := w.request(1)
	last := w.want
	last.last = true
	rt3 := w.requestLike(1, last)
	rt4 := w.request(1)
	rt3.wantWaiting()
	rt4.wantWaiting()
	rt2.done(0) // rt3 has the stream, and is the connection's last
	w.wantDial(rt4)
	w.check()
}

// And one whose lifetime is over, at that moment, though nothing else happens.
func TestAnOldConnectionMakesRoom(t *testing.T) {
	w := oneConn(t, 2)
	c := w.dialed(w.wantDial(w.request(1)))
	w.request(1)
	c.retires = w.now.Add(time.Minute)
	rt := w.request(1)
	rt.wantWaiting()
	if next := w.hosts[1].nextDue(w.now); !next.Equal(c.retires) {
		t.Fatalf("the host's timer is set for %v, want the end of the lifetime", next)
	}
	w.sleep(time.Minute)
	w.wantDial(rt)
	w.check()
}

// A dial that fails, or a server that allows no stream, does not lift the limit.
func TestTheLimitOfHTTP2Stays(t *testing.T) {
	w := newWorld(t, want{maxHTTP2: 2}, 2)
	w.streams = 1
	w.dialed(w.wantDial(w.request(1)))
	rt := w.request(1)
	for range 4 {
		w.request(1)
	}
	w.failed(w.wantDial(rt), false)
	w.sleep(time.Second)
	w.wantDials(1)
	w.check()
	c := w.hosts[1].shared.first()
	w.allow(c, 0)
	w.request(1)
	w.wantDials(1)
	w.check()
}

// One with DisableKeepAlives can't have what is idle, so that makes room.
func TestFreshAtTheLimitOfHTTP2(t *testing.T) {
	w := oneConn(t, 2)
	rt := w.request(1)
	c := w.dialed(w.wantDial(rt))
	rt.done(0)
	fresh := w.want
	fresh.fresh = true
	w.wantDial(w.requestLike(1, fresh))
	w.wantClosed(c, closedForOther)
	w.check()
}

// A request with Request.Close that gives up before it is sent does not end the
// connection for the others.
func TestRestoreOfAStream(t *testing.T) {
	w := oneConn(t, 2)
	rt1 := w.request(1)
	c := w.dialed(w.wantDial(rt1))
	last := w.want
	last.last = true
	rt2 := w.requestLike(1, last)
	rt2.wantConn(c)
	w.forget(rt2)
	var do todo
	c.h.restore(rt2.lease, 0, w.now, &do)
	w.act(c.h, &do)
	w.request(1).wantConn(c)
	w.check()
}
