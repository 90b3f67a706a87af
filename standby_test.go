package berth

import (
	"net/http"
	"testing"
	"time"
)

// Connections are ready before they are asked for, replaced when their server
// closes them, and let go when nobody asks for a while.
func TestPoolKeepsConnectionsReady(t *testing.T) {
	srv := &http.Server{IdleTimeout: time.Minute, ReadHeaderTimeout: time.Minute}
	inPoolWith(t, srv, func(p *pool) {
		rt := p.roundTrip()
		d := p.wantDial()
		p.wantNoDial()
		d.finish(nil)
		first := p.wantDial()
		first.finish(nil)
		p.wantDial().finish(nil)
		p.wantNoDial()
		rt.finish()
		p.wantStats(0, 3, 0)
		time.Sleep(time.Minute) // and the server closes all: they were of use, or there for long
		p.wantDial().finish(nil)
		p.wantDial().finish(nil)
		p.wantNoDial()
		p.wantStats(0, 2, 0)
		time.Sleep(time.Minute)
		p.wantNoDial() // the first has not been asked for in 90 s
		time.Sleep(time.Minute)
		p.wantStats(0, 0, 0)
	}, func(t *Transport) { t.MinIdleConnsPerHost = 2 })
}

// Close ends the dials that are for nobody.
func TestPoolCloseEndsDialsForNobody(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		p.wantDial().finish(nil)
		p.wantDial()
		rt.finish()
		p.tr.Close()
		p.wantStats(0, 0, 0)
		if n := p.tr.Stats().Dialing; n != 0 {
			t.Errorf("%d dials go on", n)
		}
	}, func(t *Transport) { t.MinIdleConnsPerHost = 2 })
}

// Limits of one host have it, too.
func TestPoolHostLimitsKeepConnectionsReady(t *testing.T) {
	inPool(t, func(p *pool) {
		if err := p.tr.SetHostLimits("http://fake.test", Limits{MinIdleConnsPerHost: 1}); err != nil {
			t.Fatal(err)
		}
		p.roundTrip()
		p.wantDial().finish(nil)
		p.wantDial().finish(nil)
		p.wantNoDial()
	})
}

// A dial that is for nobody, and hangs, holds no slot that a request to another
// host starves for.
func TestPoolDialsForNobodyMakeRoom(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		p.wantDial().finish(nil)
		p.wantDial() // of the one to be kept ready
		other := p.roundTrip(func(r *http.Request) { r.URL.Host = "other.test" })
		d := p.wantDial()
		if d.addr != "other.test:80" {
			t.Fatalf("the dial is to %s", d.addr)
		}
		d.finish(nil)
		other.wantConn(d)
		rt.finish()
		other.finish()
	}, func(t *Transport) { t.MinIdleConnsPerHost, t.MaxConns = 1, 2 })
}
