package berth

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/fakenet"
)

// rawH2 is a server that speaks HTTP/2 frame by frame, as the test says:
//
//	rt := p.roundTrip()
//	c := s.accept()
//	c.settings(10)
//	c.refuse(c.request())
type rawH2 struct {
	t  *testing.T
	li *fakenet.Listener
}

// inRawH2 runs f in a bubble with a Transport that dials such a server.
func inRawH2(t *testing.T, f func(p *pool, s *rawH2), set ...func(*Transport)) {
	synctest.Test(t, func(t *testing.T) {
		s := &rawH2{t: t, li: fakenet.Listen()}
		p := &pool{t: t, calls: map[string]*call{}}
		p.tr = &Transport{DialContext: s.li.Dial, Protocols: new(http.Protocols)}
		p.tr.Protocols.SetUnencryptedHTTP2(true)
		for _, f := range set {
			f(p.tr)
		}
		f(p, s)
		p.tr.Close()
		s.li.Close()
		synctest.Wait()
	})
}

// A rawConn is the server's end of one connection.
type rawConn struct {
	s  *rawH2
	nc net.Conn
	in chan frame // as they come
}

type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	framePing     = 6
	noError       = 0
	internalError = 2
)

func (s *rawH2) accept() *rawConn {
	s.t.Helper()
	nc, err := s.li.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	c := &rawConn{s: s, nc: nc, in: make(chan frame, 1000)}
	preface := make([]byte, 24)
	if _, err := io.ReadFull(nc, preface); err != nil || !strings.HasPrefix(string(preface), "PRI ") {
		s.t.Fatalf("no preface: %q, %v", preface, err)
	}
	go c.read()
	return c
}

func (c *rawConn) read() {
	defer close(c.in)
	for {
		var head [9]byte
		if _, err := io.ReadFull(c.nc, head[:]); err != nil {
			return
		}
		f := frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:])}
		f.payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c.nc, f.payload); err != nil {
			return
		}
		c.in <- f
	}
}

// wait returns the next frame of a kind.
func (c *rawConn) wait(kind byte) frame {
	c.s.t.Helper()
	synctest.Wait()
	for {
		select {
		case f, ok := <-c.in:
			if !ok {
				c.s.t.Fatalf("the connection is closed, want a frame of type %d", kind)
			}
			if f.kind == kind {
				return f
			}
		default:
			c.s.t.Fatalf("no frame of type %d", kind)
		}
	}
}

// request returns the stream of the next request.
func (c *rawConn) request() uint32 {
	c.s.t.Helper()
	return c.wait(frameHeaders).stream
}

func (c *rawConn) wantNoRequest() {
	c.s.t.Helper()
	synctest.Wait()
	for {
		select {
		case f := <-c.in:
			if f.kind == frameHeaders {
				c.s.t.Fatal("a request, want none")
			}
		default:
			return
		}
	}
}

func (c *rawConn) write(kind, flags byte, stream uint32, payload ...byte) {
	n := len(payload)
	b := append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, be32(stream)...)
	c.nc.Write(append(b, payload...))
	synctest.Wait()
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func (c *rawConn) settings(streams uint32) {
	c.write(h2Settings, 0, 0, append([]byte{0, h2MaxStreams}, be32(streams)...)...)
}

// answer sends a 200 without a body.
func (c *rawConn) answer(stream uint32) { c.write(frameHeaders, 1|4, stream, 0x88) }

func (c *rawConn) reset(stream, code uint32) { c.write(frameReset, 0, stream, be32(code)...) }

func (c *rawConn) refuse(stream uint32) { c.reset(stream, 7) }

func (c *rawConn) goAway(last, code uint32) {
	c.write(h2GoAway, 0, 0, append(be32(last), be32(code)...)...)
}

func (rt *call) wantOK() {
	rt.p.t.Helper()
	synctest.Wait()
	if !rt.done || rt.err != nil || rt.resp.StatusCode != 200 {
		rt.p.t.Fatalf("done %v, error %v; want a 200", rt.done, rt.err)
	}
}

// A stream that the server refuses is made again at once.
func TestHTTP2Refused(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		rt := p.roundTrip()
		c := s.accept()
		c.settings(100)
		c.refuse(c.request())
		c.answer(c.request())
		rt.wantOK()
	})
}

// So is one whose body can be had again, and one whose body cannot fails.
func TestHTTP2RefusedWithBody(t *testing.T) {
	post := func(rewinds bool) func(*http.Request) {
		return func(r *http.Request) {
			r.Method, r.ContentLength = "POST", 5
			r.Body = io.NopCloser(strings.NewReader("hello"))
			if rewinds {
				r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("hello")), nil }
			}
		}
	}
	inRawH2(t, func(p *pool, s *rawH2) {
		rt := p.roundTrip(post(true))
		c := s.accept()
		c.settings(100)
		c.wait(frameData)
		c.refuse(1)
		if got := c.wait(frameData); string(got.payload) != "hello" || got.stream != 3 {
			t.Errorf("the body %q came again on stream %d", got.payload, got.stream)
		}
		c.answer(3)
		rt.wantOK()

		rt = p.roundTrip(post(false))
		c.wait(frameData)
		c.refuse(5)
		c.wantNoRequest()
		if !rt.done || rt.err == nil || !strings.Contains(rt.err.Error(), "define Request.GetBody") {
			t.Errorf("error %v, want one that names GetBody", rt.err)
		}
	})
}

// The pauses before further tries are net/http's, and so is their number.
func TestHTTP2RefusedForEver(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		began := time.Now()
		rt := p.roundTrip()
		c := s.accept()
		c.settings(100)
		n := 0
		for ; !rt.done; n++ {
			c.refuse(c.request())
			if !rt.done {
				time.Sleep(80 * time.Second)
			}
		}
		if n != 8 {
			t.Errorf("%d tries, want 8", n)
		}
		if rt.err == nil || time.Since(began) < 63*time.Second {
			t.Errorf("error %v after %v", rt.err, time.Since(began))
		}
	})
}

// A request that waits for its next try ends with its context.
func TestHTTP2CancelBetweenTries(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		rt := p.roundTrip()
		c := s.accept()
		c.settings(100)
		c.refuse(c.request())
		c.refuse(c.request())
		why := errors.New("had enough")
		rt.cancel(why)
		rt.wantErr(why)
	})
}

// GOAWAY: what the server will not process goes elsewhere at once, what it will
// goes on.
func TestHTTP2GoAwayInFlight(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		rt1 := p.roundTrip()
		c1 := s.accept()
		c1.settings(100)
		rt2, rt3 := p.roundTrip(), p.roundTrip()
		c1.goAway(1, noError)
		c2 := s.accept()
		c2.settings(100)
		c2.answer(c2.request())
		c2.answer(c2.request())
		rt2.wantOK()
		rt3.wantOK()
		c1.answer(1)
		rt1.wantOK()
		p.wantStats(0, 1, 0)
	})
}

// The first request on a connection that ends with an error is not made again.
func TestHTTP2GoAwayOfTheFirst(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		rt := p.roundTrip()
		c := s.accept()
		c.settings(100)
		c.goAway(0, internalError)
		synctest.Wait()
		if !rt.done || rt.err == nil {
			t.Errorf("done %v, error %v", rt.done, rt.err)
		}
	})
}

// A limit that comes late, or falls, counts from then on. What was sent beyond
// it is refused, and made again elsewhere.
func TestHTTP2LateLimit(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		var rts []*call
		for range 4 {
			rts = append(rts, p.roundTrip())
		}
		c1 := s.accept() // the dials of the others end
		p.wantInFlight(1, 4)
		c1.settings(2)
		c1.refuse(5)
		c1.refuse(7)
		conns := []*rawConn{c1, s.accept()}
		if next := conns[1]; next != nil {
			next.settings(2)
		}
		p.wantInFlight(2, 4)
		for range 2 {
			c1.answer(c1.request())
			conns[1].answer(conns[1].request())
		}
		for _, rt := range rts {
			rt.wantOK()
		}
	}, func(tr *Transport) { tr.MaxDialsPerHost = 1 })
}

// Streams that were cancelled count until the server is known to live. A
// connection that has no other left is not used until then.
func TestHTTP2CancelledStreamsCount(t *testing.T) {
	inRawH2(t, func(p *pool, s *rawH2) {
		rt1 := p.roundTrip()
		c1 := s.accept()
		c1.settings(1)
		c1.request()
		rt1.cancel(context.Canceled)
		rt1.wantErr(context.Canceled)
		ping := c1.wait(framePing)

		rt2 := p.roundTrip()
		c2 := s.accept()
		c2.settings(1)
		c2.answer(c2.request())
		rt2.wantOK()

		rt3 := p.roundTrip()
		rt4 := p.roundTrip()
		c3 := s.accept()
		c3.settings(1)
		c2.answer(c2.request())
		rt3.wantOK()
		c3.answer(c3.request())
		rt4.wantOK()

		c1.write(framePing, h2Ack, 0, ping.payload...)
		rts := []*call{p.roundTrip(), p.roundTrip(), p.roundTrip()}
		for _, c := range []*rawConn{c1, c2, c3} {
			c.answer(c.request())
		}
		for _, rt := range rts {
			rt.wantOK()
		}
	})
}
