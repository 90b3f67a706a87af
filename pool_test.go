package berth

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/fakenet"
)

// pool is a Transport with a server, in memory and in a bubble of synctest, so
// that time is exact. A test says what users do and what the pool must do:
//
//	rt1 := p.roundTrip()
//	c1 := p.wantDial()
//	c1.finish(nil)
//	rt1.wantConn(c1)
//	rt1.finish()
type pool struct {
	t   *testing.T
	tr  *Transport
	li  *fakenet.Listener
	srv *http.Server

	mu    sync.Mutex
	dials []*poolDial      // that no wantDial has had
	calls map[string]*call // by their header "Call"
}

type poolDial struct {
	p    *pool
	addr string
	done chan error
	nc   net.Conn // after finish
}

// inPool runs f in a bubble. At its end nothing of the pool may be left: synctest
// says so if a goroutine is.
func inPool(t *testing.T, f func(p *pool), set ...func(*Transport)) {
	inPoolWith(t, &http.Server{}, f, set...)
}

func inPoolWith(t *testing.T, srv *http.Server, f func(p *pool), set ...func(*Transport)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{t: t, li: fakenet.Listen(), calls: map[string]*call{}, srv: srv}
		p.tr = &Transport{DialContext: p.dial}
		for _, s := range set {
			s(p.tr)
		}
		p.srv.Handler = http.HandlerFunc(p.serve)
		go p.srv.Serve(p.li)
		f(p)
		p.tr.Close()
		p.srv.Close()
		synctest.Wait()
		if n := len(p.tr.allHosts()); n > 0 {
			t.Errorf("%d hosts are left at the end", n)
		}
	})
}

// dial waits for the test's word.
func (p *pool) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &poolDial{p: p, addr: addr, done: make(chan error)}
	p.mu.Lock()
	p.dials = append(p.dials, d)
	p.mu.Unlock()
	select {
	case err := <-d.done:
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var err error
	d.nc, err = p.li.Dial(ctx, network, addr)
	return d.nc, err
}

func (p *pool) wantDial() *poolDial {
	p.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.dials) == 0 {
		p.t.Fatal("no dial, want one")
	}
	d := p.dials[0]
	p.dials = p.dials[1:]
	return d
}

func (p *pool) wantNoDial() {
	p.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.dials) > 0 {
		p.t.Fatalf("%d dials, want none", len(p.dials))
	}
}

func (d *poolDial) finish(err error) {
	d.done <- err
	synctest.Wait()
}

// call is one request. The server holds its answer back until finish.
type call struct {
	p      *pool
	cancel context.CancelCauseFunc
	answer chan string // the body
	conn   net.Conn
	resp   *http.Response
	err    error
	done   bool
}

// roundTrip starts a request with a cancel of its own.
func (p *pool) roundTrip(set ...func(*http.Request)) *call {
	ctx, cancel := context.WithCancelCause(context.Background())
	rt := &call{p: p, cancel: cancel, answer: make(chan string, 1)}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { rt.conn = i.Conn },
	})
	req, err := http.NewRequestWithContext(ctx, "GET", "http://fake.test/", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	name := strconv.Itoa(len(p.calls))
	p.calls[name] = rt
	p.mu.Unlock()
	req.Header.Set("Call", name)
	for _, s := range set {
		s(req)
	}
	go func() {
		rt.resp, rt.err = p.tr.RoundTrip(req)
		rt.done = true
	}()
	synctest.Wait()
	return rt
}

// finish has the server answer, and reads the answer.
func (rt *call) finish() {
	rt.p.t.Helper()
	rt.answer <- "hello"
	synctest.Wait()
	if !rt.done || rt.err != nil {
		rt.p.t.Fatalf("the request is not done, or with error %v", rt.err)
	}
	rt.read("hello")
	synctest.Wait()
}

func (rt *call) read(want string) {
	rt.p.t.Helper()
	body, err := io.ReadAll(rt.resp.Body)
	rt.resp.Body.Close()
	if err != nil || string(body) != want {
		rt.p.t.Fatalf("body %q, %v; want %q", body, err, want)
	}
}

func (rt *call) wantConn(d *poolDial) {
	rt.p.t.Helper()
	synctest.Wait()
	if rt.err != nil {
		rt.p.t.Fatal(rt.err)
	}
	if rt.conn == nil || rt.conn != d.nc {
		rt.p.t.Fatal("the request does not have the connection of that dial")
	}
}

func (rt *call) wantWaiting() {
	rt.p.t.Helper()
	synctest.Wait()
	if rt.done || rt.conn != nil {
		rt.p.t.Fatalf("the request was served, want it to wait (%v)", rt.err)
	}
}

func (rt *call) wantErr(target error) {
	rt.p.t.Helper()
	synctest.Wait()
	if !rt.done || !errors.Is(rt.err, target) {
		rt.p.t.Fatalf("done %v, error %v; want %v", rt.done, rt.err, target)
	}
}

// wantClosed wants the client's end of a connection to be closed.
func (d *poolDial) wantClosed() {
	d.p.t.Helper()
	synctest.Wait()
	if _, err := d.nc.Write(nil); !errors.Is(err, net.ErrClosed) {
		d.p.t.Fatal("the connection is open, want it closed")
	}
}

func (p *pool) wantStats(inUse, idle, waiting int) {
	p.t.Helper()
	synctest.Wait()
	if s := p.tr.Stats(); s.InUse != inUse || s.Idle != idle || s.Waiting != waiting {
		p.t.Fatalf("%d in use, %d idle, %d waiting; want %d, %d, %d", s.InUse, s.Idle, s.Waiting, inUse, idle, waiting)
	}
}

// serve answers a request when the test says so.
func (p *pool) serve(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	p.mu.Lock()
	rt := p.calls[r.Header.Get("Call")]
	p.mu.Unlock()
	select {
	case body := <-rt.answer:
		io.WriteString(w, body)
	case <-r.Context().Done():
	}
}

func TestPoolReusesAConnection(t *testing.T) {
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		rt1.wantConn(c1)
		rt1.finish()
		rt2 := p.roundTrip()
		rt2.wantConn(c1)
		rt2.finish()
		p.wantNoDial()
	})
}

// A connection that comes back serves a request before its dial is done; the
// dial's connection becomes idle.
func TestPoolServesWithWhatIsFirst(t *testing.T) {
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		rt2 := p.roundTrip()
		c2 := p.wantDial()
		rt1.finish()
		rt2.wantConn(c1)
		c2.finish(nil)
		p.wantStats(1, 1, 0)
		rt2.finish()
	})
}

func TestPoolCancelWhileWaiting(t *testing.T) {
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		why := errors.New("had enough")
		rt1.cancel(why)
		rt1.wantErr(why)
		if rt1.err != why {
			t.Errorf("error %v, want the cause alone", rt1.err)
		}
		c1.finish(nil) // the dial goes on: another may use what it brings
		p.wantStats(0, 1, 0)
		rt2 := p.roundTrip()
		rt2.wantConn(c1)
		rt2.finish()
	})
}

func TestPoolCancelInExchange(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt.cancel(nil)
		rt.wantErr(context.Canceled)
		c.wantClosed()
		p.wantStats(0, 0, 0)
		if n := p.tr.Stats().Closed.Canceled; n != 1 {
			t.Errorf("%d connections closed for cancelled requests, want 1", n)
		}
	})
}

func TestPoolRequestCancel(t *testing.T) {
	inPool(t, func(p *pool) {
		cancel := make(chan struct{})
		rt := p.roundTrip(func(r *http.Request) { r.Cancel = cancel })
		p.wantDial().finish(nil)
		close(cancel)
		rt.wantErr(errRequestCanceled)
	})
}

func TestPoolAcquireTimeout(t *testing.T) {
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		p.wantDial().finish(nil)
		rt2 := p.roundTrip()
		time.Sleep(3 * time.Second)
		rt2.wantErr(context.DeadlineExceeded)
		var acquire *AcquireError
		if !errors.As(rt2.err, &acquire) || !acquire.Timeout() {
			t.Fatalf("error %#v, want an AcquireError that is a timeout", rt2.err)
		}
		const text = "waited 3s for a connection to http://fake.test:80: 1 in use, 0 idle, 1 waiting: berth: AcquireTimeout (3s) is over"
		if got := rt2.err.Error(); got != text {
			t.Errorf("error\n%s\nwant\n%s", got, text)
		}
		rt1.finish()
	}, func(tr *Transport) {
		tr.AcquireTimeout = 3 * time.Second
		tr.MaxConnsPerHost = 1
	})
}

// The deadline of a request that waits is told with the pool's state.
func TestPoolDeadlineWhileWaiting(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip(func(r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Second)
			context.AfterFunc(ctx, cancel)
			*r = *r.WithContext(ctx)
		})
		d := p.wantDial()
		time.Sleep(time.Second)
		rt.wantErr(context.DeadlineExceeded)
		var ne net.Error
		if !errors.As(rt.err, &ne) || !ne.Timeout() {
			t.Errorf("error %v is no timeout", rt.err)
		}
		d.finish(errRefused)
	})
}

func TestPoolQueueFull(t *testing.T) {
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		p.wantDial().finish(nil)
		rt2 := p.roundTrip()
		p.roundTrip().wantErr(ErrQueueFull)
		rt1.finish()
		rt2.finish()
	}, func(tr *Transport) {
		tr.MaxConnsPerHost = 1
		tr.MaxWaiting = 1
	})
}

// Timeout covers the wait, the header and the body.
func TestPoolTimeout(t *testing.T) {
	const limit = 2 * time.Second
	set := func(tr *Transport) { tr.Timeout = limit }
	t.Run("dial", func(t *testing.T) {
		inPool(t, func(p *pool) {
			rt := p.roundTrip()
			d := p.wantDial()
			time.Sleep(limit)
			rt.wantErr(context.DeadlineExceeded)
			d.finish(nil)
		}, set)
	})
	t.Run("header", func(t *testing.T) {
		inPool(t, func(p *pool) {
			rt := p.roundTrip()
			p.wantDial().finish(nil)
			time.Sleep(limit)
			rt.wantErr(context.DeadlineExceeded)
		}, set)
	})
	t.Run("body", func(t *testing.T) {
		inPool(t, func(p *pool) {
			rt := p.roundTrip()
			p.wantDial().finish(nil)
			time.Sleep(limit - time.Millisecond)
			rt.answer <- strings.Repeat("x", 64<<10)
			synctest.Wait()
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if _, err := io.ReadAll(rt.resp.Body); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("reading the body: %v, want a deadline", err)
			}
		}, set)
	})
	t.Run("in time", func(t *testing.T) {
		inPool(t, func(p *pool) {
			rt := p.roundTrip()
			c := p.wantDial()
			c.finish(nil)
			time.Sleep(limit - time.Millisecond)
			rt.finish()
			time.Sleep(limit) // and nothing fires later
			rt2 := p.roundTrip()
			rt2.wantConn(c)
			rt2.finish()
		}, set)
	})
}

func TestPoolIdleTimeout(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt.finish()
		time.Sleep(defaultIdleConnTimeout - 1)
		p.wantStats(0, 1, 0)
		time.Sleep(1)
		c.wantClosed()
		p.wantStats(0, 0, 0)
	})
}

func TestPoolIdleForEver(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt.finish()
		time.Sleep(1000 * time.Hour)
		rt = p.roundTrip()
		rt.wantConn(c)
		rt.finish()
	}, func(tr *Transport) { tr.IdleConnTimeout = -1 })
}

func TestPoolLifetime(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt.finish()
		time.Sleep(54 * time.Second) // at most a tenth earlier
		rt = p.roundTrip()
		rt.wantConn(c)
		rt.finish()
		time.Sleep(6 * time.Second)
		c.wantClosed()
	}, func(tr *Transport) { tr.MaxConnLifetime = time.Minute })
}

// An idle connection that the server closes leaves at once, with no request.
func TestPoolServerClosesIdle(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt.finish()
		p.wantStats(0, 1, 0)
		p.srv.SetKeepAlivesEnabled(false) // closes what is idle
		c.wantClosed()
		p.wantStats(0, 0, 0)
		if n := p.tr.Stats().Closed.Peer; n != 1 {
			t.Errorf("%d connections closed by the server, want 1", n)
		}
	})
}

// So does one that no request had yet.
func TestPoolServerClosesWhatNobodyUsed(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		rt.cancel(nil)
		c.finish(nil)
		p.wantStats(0, 1, 0)
		p.srv.Close()
		c.wantClosed()
		p.wantStats(0, 0, 0)
	})
}

// design.md's spike, through the whole Transport.
func TestPoolSpikeDialsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		li := fakenet.Listen()
		var dials atomic.Int64
		li.OnDial = func(ctx context.Context, _, _ string) error {
			dials.Add(1)
			return fakenet.Sleep(ctx, 150*time.Millisecond)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Millisecond) })}
		go srv.Serve(li)
		tr := &Transport{DialContext: li.Dial}
		burst := func(n int) {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					req, _ := http.NewRequest("GET", "http://fake.test/", nil)
					resp, err := tr.RoundTrip(req)
					if err != nil {
						t.Error(err)
						return
					}
					resp.Body.Close()
				})
			}
			wg.Wait()
		}
		for range 4 {
			burst(5)
		}
		if n := dials.Load(); n != 5 {
			t.Errorf("%d dials for 5 requests at a time, want 5", n)
		}
		burst(50)
		time.Sleep(time.Second)
		if n := dials.Load() - 5; n != 0 {
			t.Errorf("the spike made %d dials that nobody needs, want 0", n)
		}
		if n := tr.Stats().DialsElided; n != 45 {
			t.Errorf("%d dials elided, want 45", n)
		}
		tr.Close()
		srv.Close()
	})
}

func TestPoolShutdownWaits(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		p.wantDial().finish(nil)
		waiting := p.roundTrip()
		var err error
		down := false
		go func() {
			err = p.tr.Shutdown(p.t.Context())
			down = true
		}()
		waiting.wantErr(ErrClosed)
		p.roundTrip().wantErr(ErrClosed)
		rt.answer <- "hello"
		synctest.Wait()
		if down {
			t.Fatal("Shutdown returned before the body was read")
		}
		rt.read("hello")
		synctest.Wait()
		if !down || err != nil {
			t.Fatalf("Shutdown: down %v, %v", down, err)
		}
	}, func(tr *Transport) { tr.MaxConnsPerHost = 1 })
}

func TestPoolShutdownEndsWithItsContext(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		ctx, cancel := context.WithTimeout(p.t.Context(), time.Second)
		defer cancel()
		if err := p.tr.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Shutdown: %v, want the context's error", err)
		}
		rt.wantErr(ErrClosed)
		c.wantClosed()
		p.wantStats(0, 0, 0)
	})
}

// Close ends dials too.
func TestPoolCloseEndsDials(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		p.wantDial()
		p.tr.Close()
		rt.wantErr(ErrClosed)
		p.wantStats(0, 0, 0)
		if n := p.tr.Stats().Dialing; n != 0 {
			t.Errorf("%d dials go on", n)
		}
	})
}

// The request's body is closed on every way out.
func TestPoolClosesTheRequestBody(t *testing.T) {
	body := &closeCounter{Reader: strings.NewReader("x")}
	withBody := func(r *http.Request) { r.Method, r.Body, r.ContentLength = "POST", body, 1 }
	inPool(t, func(p *pool) {
		p.tr.Close()
		p.roundTrip(withBody).wantErr(ErrClosed)
	})
	if body.n != 1 {
		t.Errorf("the body was closed %d times, want once", body.n)
	}
}

type closeCounter struct {
	io.Reader
	n int
}

func (c *closeCounter) Close() error { c.n++; return nil }

func TestPoolCloseIdleConnections(t *testing.T) {
	inPool(t, func(p *pool) {
		rt1, rt2 := p.roundTrip(), p.roundTrip()
		c1, c2 := p.wantDial(), p.wantDial()
		c1.finish(nil)
		c2.finish(nil)
		rt1.finish()
		p.tr.CloseIdleConnections()
		c1.wantClosed()
		rt2.finish() // what becomes idle later goes too
		c2.wantClosed()
		rt3 := p.roundTrip() // until the next request
		c3 := p.wantDial()
		c3.finish(nil)
		rt3.finish()
		p.wantStats(0, 1, 0)
	})
}

// No port while a connection is in use: the request waits for it. With none in
// use it fails, and says what the pool holds.
func TestPoolLocalFault(t *testing.T) {
	noPort := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		c1 := p.wantDial()
		c1.finish(nil)
		rt2 := p.roundTrip()
		p.wantDial().finish(noPort)
		rt2.wantWaiting()
		p.wantNoDial()
		rt1.finish()
		rt2.wantConn(c1)
		rt2.finish()

		p.tr.CloseIdleConnections()
		rt3 := p.roundTrip()
		p.wantDial().finish(noPort)
		rt3.wantErr(syscall.EADDRNOTAVAIL)
		var local *LocalError
		if !errors.As(rt3.err, &local) || local.Host != "http://fake.test:80" || local.What != "no free local port" {
			t.Errorf("error %#v, want a LocalError", rt3.err)
		}
		var op *net.OpError
		if !errors.As(rt3.err, &op) {
			t.Error("the *net.OpError is lost")
		}
	})
}

// A host that is down is remembered though nobody waits for it: the next request
// waits for the pause to end, and then it is forgotten.
func TestPoolRemembersThatAHostIsDown(t *testing.T) {
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		p.wantDial().finish(errRefused)
		rt1.wantErr(errRefused)
		rt2 := p.roundTrip()
		p.wantNoDial()
		time.Sleep(firstPause)
		p.wantDial().finish(errRefused)
		rt2.wantErr(errRefused)
		time.Sleep(2 * firstPause)
		synctest.Wait()
		if n := len(p.tr.allHosts()); n != 0 {
			t.Errorf("%d hosts are known after the pause, want none", n)
		}
	})
}

// Warm makes what is missing, sends nothing, and holds nothing.
func TestPoolWarm(t *testing.T) {
	inPool(t, func(p *pool) {
		rt := p.roundTrip()
		c := p.wantDial()
		c.finish(nil)
		rt.finish()
		var err error
		done := false
		go func() {
			err = p.tr.Warm(p.t.Context(), "http://fake.test/", 3)
			done = true
		}()
		d1, d2 := p.wantDial(), p.wantDial()
		p.wantNoDial()
		d1.finish(nil)
		d2.finish(nil)
		if !done || err != nil {
			t.Fatalf("Warm: done %v, %v", done, err)
		}
		p.wantStats(0, 3, 0)
		rts := []*call{p.roundTrip(), p.roundTrip(), p.roundTrip()}
		p.wantNoDial()
		for _, rt := range rts {
			rt.finish()
		}
	})
}

// What Warm could not have, it says, and it keeps the rest.
func TestPoolWarmFails(t *testing.T) {
	inPool(t, func(p *pool) {
		errs := make(chan error, 1)
		go func() { errs <- p.tr.Warm(p.t.Context(), "http://fake.test/", 2) }()
		d1, d2 := p.wantDial(), p.wantDial()
		d1.finish(nil)
		d2.finish(errRefused)
		if err := <-errs; !errors.Is(err, errRefused) {
			t.Errorf("Warm: %v, want the dial's error", err)
		}
		p.wantStats(0, 1, 0)
		ctx, cancel := context.WithTimeout(p.t.Context(), time.Second)
		defer cancel()
		go func() { errs <- p.tr.Warm(ctx, "http://fake.test/", 2) }()
		d := p.wantDialAfter(firstPause)
		if err := <-errs; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Warm: %v, want its context's error", err)
		}
		d.finish(nil)
		p.wantStats(0, 2, 0)
	})
	tr := new(Transport)
	if tr.Warm(t.Context(), "ftp://host", 1) == nil || tr.Warm(t.Context(), ":", 1) == nil {
		t.Error("Warm takes any URL")
	}
}

// wantDialAfter is wantDial once the time has passed.
func (p *pool) wantDialAfter(d time.Duration) *poolDial {
	p.t.Helper()
	time.Sleep(d)
	return p.wantDial()
}
