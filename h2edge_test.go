package berth

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// What happens at the edges of an exchange over HTTP/2: a response that ends
// later than it seems, an upload that outlives it, a dial that is ended as it
// succeeds.

// "Content-Length: 0" is not the end where the stream goes on, as Go's own server
// and Node have it before trailers: neither Timeout nor Request.Close is to cut it.
func TestHTTP2EmptyBodyBeforeItsEnd(t *testing.T) {
	plain := func(*http.Request) {}
	for name, tt := range map[string]struct {
		timeout time.Duration
		request func(*http.Request)
	}{
		"plain":         {0, plain},
		"Timeout":       {time.Minute, plain},
		"Request.Close": {0, func(r *http.Request) { r.Close = true }},
	} {
		t.Run(name, func(t *testing.T) {
			inRawH2(t, func(p *pool, s *rawH2) {
				rt := p.roundTrip(tt.request)
				c := s.accept()
				c.settings(100)
				id := c.request()
				c.write(frameHeaders, 4, id, 0x88, 0x0f, 0x0d, 1, '0') // :status 200, content-length 0
				rt.wantOK()
				var err error
				done := false
				go func() {
					_, err = io.ReadAll(rt.resp.Body)
					done = true
				}()
				c.write(frameData, 1, id)
				if !done || err != nil {
					t.Errorf("the body is read: %v, %v", done, err)
				}
				rt.resp.Body.Close()
			}, func(tr *Transport) { tr.Timeout = tt.timeout })
		})
	}
}

// A server that has answered may read on.
func TestHTTP2UploadAfterTheResponse(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Minute} {
		inRawH2(t, func(p *pool, s *rawH2) {
			pr, pw := io.Pipe()
			rt := p.roundTrip(func(r *http.Request) { r.Method, r.Body = "POST", pr })
			c := s.accept()
			c.settings(100)
			id := c.request()
			go pw.Write([]byte("one"))
			c.wait(frameData)
			c.answer(id)
			rt.wantOK()
			go func() {
				pw.Write([]byte("two"))
				pw.Close()
			}()
			if f := c.wait(frameData); string(f.payload) != "two" {
				t.Errorf("with Timeout %v, %q came of the rest", timeout, f.payload)
			}
			rt.resp.Body.Close()
		}, func(tr *Transport) { tr.Timeout = timeout })
	}
}

// A dial that we ended, whose function has no context to learn of it by, brings a
// connection all the same: nobody is to have that, closed as it may be.
func TestHTTP2EndedDialThatSucceeds(t *testing.T) {
	inPoolHTTP2(t, 2, func(p *pool) {
		p.tr.DialContext = nil
		p.tr.Dial = func(network, addr string) (net.Conn, error) { return p.dial(context.Background(), network, addr) }
		rt1, rt2 := p.roundTrip(), p.roundTrip()
		c1, c2 := p.wantDial(), p.wantDial()
		c1.finish(nil) // and serves both
		rt3 := p.roundTrip()
		c3 := p.wantDial()
		c2.finish(nil)
		rt3.wantWaiting()
		c3.finish(nil)
		rt3.wantConn(c3)
		for _, rt := range []*call{rt1, rt2, rt3} {
			rt.finish()
		}
	})
}

// A request that found no stream is told when there is one, whoever notices
// first: net/http gives back a stream that was cancelled after the pool does.
func TestHTTP2ChokedAndRelieved(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		rt := p.roundTrip()
		c := s.accept()
		c.settings(1)
		c.request()
		rt.cancel(context.Canceled)
		c.write(framePing, h2Ack, 0, c.wait(framePing).payload...) // from now on net/http waits for no ping
		a := p.roundTrip()
		for i := range 1000 {
			b := p.roundTrip()
			synctest.Wait()
			for len(c.in) > 0 {
				<-c.in
			}
			a.cancel(context.Canceled)
			synctest.Wait()
			if b.conn == nil {
				t.Fatalf("%d: the stream is over, and the next request waits", i)
			}
			a = b
		}
		a.cancel(context.Canceled)
	}, func(tr *Transport) { tr.MaxHTTP2ConnsPerHost = 1 })
}

// A connection whose only stream was cancelled, and whose server then dies.
func TestHTTP2ChokedAndGone(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		rt1 := p.roundTrip()
		c1 := s.accept()
		c1.settings(1)
		c1.request()
		rt1.cancel(context.Canceled)
		rt2 := p.roundTrip() // the stream counts until the server answers the ping
		rt2.wantWaiting()
		c1.nc.Close() // and it never does
		c2 := s.accept()
		c2.settings(1)
		c2.answer(c2.request())
		rt2.wantOK()
	}, func(tr *Transport) { tr.MaxHTTP2ConnsPerHost = 1 })
}

// At MaxConns, a request to another host does not wait for as long as younger
// ones find streams.
func TestHTTP2MakesRoomForAnOlderRequest(t *testing.T) {
	inPoolHTTP2(t, 10, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		time.Sleep(time.Second)
		other := p.roundTrip(func(r *http.Request) { r.URL.Host = "other.test" })
		time.Sleep(time.Second)
		rt2 := p.roundTrip()
		rt2.wantConn(c1)
		rt1.finish() // and from now on the connection takes no more
		rt3 := p.roundTrip()
		rt3.wantWaiting()
		rt2.finish()
		c1.wantClosed()
		c2 := p.wantDial()
		c2.finish(nil)
		other.wantConn(c2)
		rt3.wantWaiting()
		other.finish()
		c3 := p.wantDial()
		c3.finish(nil)
		rt3.wantConn(c3)
		rt3.finish()
	}, func(tr *Transport) { tr.MaxConns = 1 })
}
