package berth

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// inPoolHTTP2 is inPool with HTTP/2, whose server allows so many streams.
func inPoolHTTP2(t *testing.T, streams int, f func(p *pool), set ...func(*Transport)) {
	t.Helper()
	only := new(http.Protocols)
	only.SetUnencryptedHTTP2(true)
	srv := &http.Server{Protocols: only, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: streams}}
	inPoolWith(t, srv, f, append(set, func(tr *Transport) { tr.Protocols = only })...)
}

// large is a body that no window of HTTP/2 holds.
var large = strings.Repeat("x", 8<<20)

// wantEnded wants a dial to be ended before it brought a connection.
func (d *poolDial) wantEnded() {
	d.p.t.Helper()
	synctest.Wait()
	select {
	case d.done <- nil:
		d.p.t.Fatal("the dial goes on, want it ended")
	default:
	}
}

func (p *pool) wantInFlight(conns, exchanges int) {
	p.t.Helper()
	synctest.Wait()
	if s := p.tr.Stats(); s.InUse != conns || s.InFlight != exchanges {
		p.t.Fatalf("%d exchanges on %d connections, want %d on %d", s.InFlight, s.InUse, exchanges, conns)
	}
}

// An unknown host is dialed for each request, as in net/http. The first
// connection serves them all, and the other dials end.
func TestHTTP2OneConnectionForAll(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		rt1, rt2, rt3 := p.roundTrip(), p.roundTrip(), p.roundTrip()
		c1, c2, c3 := p.wantDial(), p.wantDial(), p.wantDial()
		c2.finish(nil)
		for _, rt := range []*call{rt1, rt2, rt3} {
			rt.wantConn(c2)
		}
		c1.wantEnded()
		c3.wantEnded()
		p.wantInFlight(1, 3)
		rt4 := p.roundTrip()
		rt4.wantConn(c2)
		for _, rt := range []*call{rt1, rt2, rt3, rt4} {
			rt.finish()
			if rt.resp.ProtoMajor != 2 {
				t.Errorf("the answer came over %s", rt.resp.Proto)
			}
		}
		p.wantStats(0, 1, 0)
		p.wantNoDial()
		if n := p.tr.Stats().DialsFailed; n != 0 {
			t.Errorf("%d dials count as failed: we ended them", n)
		}
	})
}

// Where a host is known to speak HTTP/2, one dial is for as many requests as it
// will have streams, and those beyond it get a second.
func TestHTTP2OneDialForManyWaiters(t *testing.T) {
	inPoolHTTP2(t, 3, func(p *pool) {
		old := p.outlived()
		var rts []*call
		for range 5 {
			rts = append(rts, p.roundTrip())
		}
		c1, c2 := p.wantDial(), p.wantDial()
		p.wantNoDial()
		c2.finish(nil)
		c1.finish(nil)
		p.wantInFlight(3, 6) // with the old one
		for _, rt := range rts[:3] {
			rt.wantConn(c2) // the oldest, whose dial it was not
		}
		for _, rt := range append(rts, old) {
			rt.finish()
		}
	}, shortLived)
}

// A shared dial that fails ends its own request only. The others dial for
// themselves then: a dead host must not take its time from each in turn.
func TestHTTP2SharedDialFails(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		old := p.outlived()
		rt1, rt2, rt3 := p.roundTrip(), p.roundTrip(), p.roundTrip()
		c1 := p.wantDial()
		p.wantNoDial()
		c1.finish(errRefused)
		rt1.wantErr(errRefused)
		time.Sleep(firstPause)
		c2, c3 := p.wantDial(), p.wantDial()
		c2.finish(errRefused)
		c3.finish(errRefused)
		rt2.wantErr(errRefused)
		rt3.wantErr(errRefused)
		old.finish()
	}, shortLived)
}

func shortLived(tr *Transport) { tr.MaxConnLifetime = time.Minute }

// outlived returns a request that is in flight on a connection past its
// lifetime: the host is known to speak HTTP/2, and must be dialed.
func (p *pool) outlived() *call {
	rt := p.roundTrip()
	p.wantDial().finish(nil)
	time.Sleep(time.Minute)
	return rt
}

// When its streams are used up, another connection is made; the one with fewer
// requests gets the next.
func TestHTTP2SecondConnection(t *testing.T) {
	inPoolHTTP2(t, 2, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		rt2 := p.roundTrip()
		rt2.wantConn(c1)
		p.wantNoDial()
		rt3 := p.roundTrip()
		c2 := p.wantDial()
		c2.finish(nil)
		rt3.wantConn(c2)
		rt1.finish()
		rt2.finish()
		p.wantStats(1, 1, 0)
		rt4 := p.roundTrip()
		rt4.wantConn(c2) // the other one stays idle, and will leave
		rt3.finish()
		rt4.finish()
		p.wantStats(0, 2, 0)
	})
}

// With a limit, or with StrictMaxConcurrentRequests, requests wait for a stream.
func TestHTTP2Limit(t *testing.T) {
	for name, set := range map[string]func(*Transport){
		"MaxHTTP2ConnsPerHost":        func(tr *Transport) { tr.MaxHTTP2ConnsPerHost = 1 },
		"StrictMaxConcurrentRequests": func(tr *Transport) { tr.HTTP2 = &http.HTTP2Config{StrictMaxConcurrentRequests: true} },
		"MaxConnsPerHost":             func(tr *Transport) { tr.MaxConnsPerHost = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			inPoolHTTP2(t, 2, func(p *pool) {
				rt1 := p.roundTrip()
				c1 := p.wantDial()
				c1.finish(nil)
				rt2, rt3, rt4 := p.roundTrip(), p.roundTrip(), p.roundTrip()
				rt3.wantWaiting()
				p.wantNoDial()
				rt2.finish()
				rt3.wantConn(c1)
				rt4.wantWaiting()
				rt3.finish()
				rt4.wantConn(c1)
				rt1.finish()
				rt4.finish()
			}, set)
		})
	}
}

// After GOAWAY, what is in flight goes on, and new requests go elsewhere at
// once.
func TestHTTP2GoAway(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		go p.srv.Shutdown(p.t.Context())
		synctest.Wait()
		rt2 := p.roundTrip()
		p.wantDial().finish(errRefused)
		rt2.wantErr(errRefused)
		rt1.finish()
		c1.wantClosed()
		p.wantStats(0, 0, 0)
		if n := p.tr.Stats().Closed.Peer; n != 1 {
			t.Errorf("%d connections closed by the server, want 1", n)
		}
	})
}

// An idle connection that gets a GOAWAY, or whose server is gone, leaves at once.
func TestHTTP2ServerClosesIdle(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt.finish()
		p.wantStats(0, 1, 0)
		p.srv.Close()
		c.wantClosed()
		p.wantStats(0, 0, 0)
	})
}

// A request that is cancelled ends its stream, and nothing else.
func TestHTTP2Cancel(t *testing.T) {
	why := errors.New("had enough")
	inPoolHTTP2(t, 250, func(p *pool) {
		rt1 := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt2, rt3 := p.roundTrip(), p.roundTrip()
		rt1.cancel(why)
		rt1.wantErr(why)
		rt2.answer <- large
		synctest.Wait()
		rt2.cancel(why)
		p.wantInFlight(1, 1)
		if _, err := io.ReadAll(rt2.resp.Body); err != why {
			t.Errorf("reading the body: %v, want the cause", err)
		}
		rt2.resp.Body.Close()
		rt3.finish()
		rt4 := p.roundTrip()
		rt4.wantConn(c)
		rt4.finish()
	})
}

// Timeout ends a stream too, at any point.
func TestHTTP2Timeout(t *testing.T) {
	const limit = 2 * time.Second
	inPoolHTTP2(t, 250, func(p *pool) {
		rt1 := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt2 := p.roundTrip()
		rt2.answer <- large
		time.Sleep(limit)
		rt1.wantErr(context.DeadlineExceeded)
		p.wantInFlight(0, 0)
		if _, err := io.ReadAll(rt2.resp.Body); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("reading the body: %v, want a deadline", err)
		}
		rt2.resp.Body.Close()
		rt3 := p.roundTrip()
		rt3.wantConn(c)
		rt3.finish()
		time.Sleep(limit)
		p.wantStats(0, 1, 0)
	}, func(tr *Transport) { tr.Timeout = limit })
}

// A body that is closed early costs its stream, not the connection.
func TestHTTP2CloseBodyEarly(t *testing.T) {
	inPoolHTTP2(t, 1, func(p *pool) {
		rt1 := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt1.answer <- large
		synctest.Wait()
		rt1.resp.Body.Close()
		if _, err := rt1.resp.Body.Read(make([]byte, 1)); err != errReadOnClosedBody {
			t.Errorf("Read after Close: %v", err)
		}
		rt2 := p.roundTrip()
		rt2.wantConn(c)
		rt2.finish()
		p.wantStats(0, 1, 0)
	})
}

// A lifetime stops new requests only: a stream is never cut.
func TestHTTP2Lifetime(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		time.Sleep(time.Minute)
		rt2 := p.roundTrip()
		c2 := p.wantDial()
		c2.finish(nil)
		rt2.wantConn(c2)
		time.Sleep(time.Hour)
		rt1.finish()
		c1.wantClosed()
		rt2.finish()
	}, shortLived)
}

func TestHTTP2IdleTimeout(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		time.Sleep(2 * defaultIdleConnTimeout) // in use
		rt.finish()
		time.Sleep(defaultIdleConnTimeout)
		c.wantClosed()
		p.wantStats(0, 0, 0)
	})
}

// Shutdown waits for streams, and cuts them when its context ends.
func TestHTTP2End(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		rt1 := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt2 := p.roundTrip()
		rt2.answer <- large
		synctest.Wait()
		ctx, cancel := context.WithTimeout(p.t.Context(), time.Second)
		defer cancel()
		if err := p.tr.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Shutdown: %v, want the context's error", err)
		}
		rt1.wantErr(ErrClosed)
		if _, err := io.ReadAll(rt2.resp.Body); err != ErrClosed {
			t.Errorf("reading the body: %v, want ErrClosed", err)
		}
		c.wantClosed()
	})
}

// DisableKeepAlives is a connection for each request over HTTP/2 too.
func TestHTTP2WithoutKeepAlives(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		rt1, rt2 := p.roundTrip(), p.roundTrip()
		c1, c2 := p.wantDial(), p.wantDial()
		c1.finish(nil)
		c2.finish(nil)
		rt1.wantConn(c1)
		rt2.wantConn(c2)
		rt1.finish()
		rt2.finish()
		c1.wantClosed()
		c2.wantClosed()
	}, func(tr *Transport) { tr.DisableKeepAlives = true })
}

// Request.Close ends the connection when its streams are through, and nothing
// new begins on it.
func TestHTTP2RequestClose(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		rt2 := p.roundTrip(func(r *http.Request) { r.Close = true })
		rt2.wantConn(c1)
		rt3 := p.roundTrip()
		c2 := p.wantDial()
		c2.finish(nil)
		rt3.wantConn(c2)
		rt2.finish()
		rt1.finish()
		c1.wantClosed()
		rt3.finish()
	})
}

// A burst over a few streams dials nothing if they come back soon.
func TestHTTP2Elision(t *testing.T) {
	inPoolHTTP2(t, 2, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		time.Sleep(150 * time.Millisecond)
		c1.finish(nil)
		rt1.finish() // took no time
		rt1, rt2 := p.roundTrip(), p.roundTrip()
		rt3, rt4 := p.roundTrip(), p.roundTrip()
		p.wantNoDial()
		rt1.finish()
		rt2.finish()
		rt3.wantConn(c1)
		rt4.wantConn(c1)
		rt3.finish()
		rt4.finish()
		if n := p.tr.Stats().DialsElided; n != 2 {
			t.Errorf("%d dials elided, want 2", n)
		}
	})
}

// A server that does not answer pings is given up, and not asked again.
func TestHTTP2LostPing(t *testing.T) {
	inPoolHTTP2(t, 250, func(p *pool) {
		var deaf *deafConn
		p.tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := p.dial(ctx, network, addr)
			deaf = &deafConn{Conn: nc, gone: make(chan struct{})}
			return deaf, err
		}
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		deaf.is.Store(true)
		rt2 := p.roundTrip()
		p.wantInFlight(1, 2)
		time.Sleep(11 * time.Second)
		for _, rt := range []*call{rt1, rt2} {
			synctest.Wait()
			if rt.err == nil || !strings.Contains(rt.err.Error(), "client connection lost") {
				t.Fatalf("error %v, want a lost connection", rt.err)
			}
		}
		c1.wantClosed()
		rt3 := p.roundTrip()
		p.wantDial().finish(nil)
		rt3.finish()
	}, func(tr *Transport) {
		tr.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: time.Second}
	})
}

// A deafConn can be made to hear nothing any more.
type deafConn struct {
	net.Conn
	is    atomic.Bool
	close sync.Once
	gone  chan struct{}
}

func (c *deafConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.is.Load() {
		<-c.gone
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *deafConn) Close() error {
	c.close.Do(func() { close(c.gone) })
	return c.Conn.Close()
}
