package berth_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/berth-go/berth"
)

var soakFor = flag.Duration("soak", 3*time.Second, "how long TestSoak runs; CI gives it a minute")

// TestSoak has callers use berth and net/http side by side, each with a server of
// its own that does all that servers do to their clients. What it does to a
// request is told by the request's number, so that both have the same to bear,
// and it is known what must come of each.
//
// No request may be lost that net/http's rules save, none may be sent twice that
// they forbid, each answer must be to its request, and nothing may be left.
func TestSoak(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	var ours, theirs [fates]tally
	var wg sync.WaitGroup
	tr := &berth.Transport{LeakAfter: time.Minute}
	std := &http.Transport{MaxIdleConnsPerHost: 100}
	wg.Go(func() { ours = soak(t, "berth", tr) })
	wg.Go(func() { theirs = soak(t, "net/http", std) })
	wg.Wait()
	all, allTheirs := 0, 0
	for f := range fates {
		t.Logf("%-12v berth: %6d requests, %4d failed; net/http: %6d requests, %4d failed", f, ours[f].made, ours[f].failed, theirs[f].made, theirs[f].failed)
		// As many of one as of the other were made, but for the last ones.
		all += ours[f].failed * theirs[f].made
		allTheirs += theirs[f].failed * ours[f].made
		if f.saved() && ours[f].failed > 0 {
			t.Errorf("%v: %d requests were lost that net/http's rules save", f, ours[f].failed)
		}
	}
	if all > allTheirs {
		t.Error("more requests failed than with net/http")
	}
	// A dial that nobody waits for any more may go on for a moment.
	eventually(t, func() (any, bool) {
		s := tr.Stats()
		return s, s.InUse == 0 && s.Dialing == 0 && s.Waiting == 0 && s.Leaked == 0
	})
	tr.CloseIdleConnections()
	eventually(t, func() (any, bool) {
		s := tr.Stats()
		return s, s.Open == 0 && s.Dialing == 0
	})
	tr.Close()
	std.CloseIdleConnections()
	eventually(t, func() (any, bool) {
		n := runtime.NumGoroutine()
		return fmt.Sprintf("%d goroutines, there were %d", n, goroutines), n <= goroutines
	})
}

// eventually wants something to be so, at the latest in ten seconds.
func eventually(t *testing.T, is func() (state any, ok bool)) {
	t.Helper()
	for n := 0; ; n++ {
		state, ok := is()
		if ok {
			return
		}
		if n == 1000 {
			t.Fatalf("at the end: %+v", state)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A fate is what comes of a request.
type fate int

const (
	fine      fate = iota
	dropped        // its connection, if it was used before, ends before the response's first byte
	posted         // the same, for one that must not be made twice
	raced          // must not be made twice, and may meet a server that closes what was idle
	halved         // the response ends in its middle
	stalled        // there is no response
	restarted      // made while the server goes down and comes up again
	fates
)

func (f fate) String() string {
	return [...]string{"fine", "dropped", "posted", "raced", "halved", "stalled", "restarted"}[f]
}

// saved reports whether a request of this fate succeeds by net/http's rules.
func (f fate) saved() bool { return f == fine || f == dropped }

type tally struct{ made, failed int }

// An errand is a request, by its number alone.
type errand struct {
	id      int
	fate    fate
	method  string
	body    []byte
	again   bool // may be made again: Idempotency-Key
	closes  bool // the server says Connection: close
	closing bool // the server closes the connection in a while
}

func newErrand(id int) errand {
	r := rand.New(rand.NewPCG(uint64(id), 1))
	e := errand{id: id, method: "GET"}
	switch n := r.IntN(100); {
	case n < 10:
		e.fate = dropped
	case n < 15:
		e.fate = halved
	case n < 16:
		e.fate = stalled
	case n < 20:
		e.closes = true
	case n < 30:
		e.closing = true
	}
	if r.IntN(4) == 0 {
		e.method = "POST"
		e.body = bytes.Repeat([]byte{'b'}, 1+r.IntN(20_000))
		e.again = r.IntN(2) == 0
	}
	if e.method == "POST" && !e.again {
		switch e.fate {
		case fine:
			e.fate = raced
		case dropped:
			e.fate = posted
		}
	}
	return e
}

// answer is what the server says, and to nobody else.
func (e errand) answer() string {
	n := int(crc32.ChecksumIEEE([]byte(strconv.Itoa(e.id)))) % 3000
	return fmt.Sprintf("%d %s", e.id, strings.Repeat("x", n))
}

// soak has 16 callers make requests. In the last third of the time, the server
// goes down now and then.
func soak(t *testing.T, name string, rt http.RoundTripper) (tallies [fates]tally) {
	s := &soakServer{addr: "127.0.0.1:0", seen: map[int]int{}, conns: map[net.Conn]bool{}}
	s.listen(t)
	s.addr = s.ln.Addr().String()
	defer s.stop(t, name)
	var mu sync.Mutex
	var next atomic.Int64
	run := func(d time.Duration, restarts bool) {
		var wg sync.WaitGroup
		until := time.Now().Add(d)
		for range 16 {
			wg.Go(func() {
				for time.Now().Before(until) {
					e := newErrand(int(next.Add(1)))
					f := e.fate
					if restarts {
						f = restarted
					}
					err := e.run(rt, s.addr)
					mu.Lock()
					tallies[f].made++
					if err != nil {
						tallies[f].failed++
						if f.saved() && tallies[f].failed < 5 {
							t.Logf("%s: %v request %d: %v", name, f, e.id, err)
						}
					}
					mu.Unlock()
				}
			})
		}
		for restarts && time.Now().Before(until) {
			time.Sleep(100 * time.Millisecond)
			s.restart(t)
		}
		wg.Wait()
	}
	run(*soakFor*2/3, false)
	run(*soakFor/3, true)
	return tallies
}

func (e errand) run(rt http.RoundTripper, addr string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if e.fate == stalled {
		patience := time.AfterFunc(50*time.Millisecond, cancel)
		defer patience.Stop()
	}
	var body io.Reader
	if e.body != nil {
		body = bytes.NewReader(e.body)
	}
	req, err := http.NewRequestWithContext(ctx, e.method, "http://"+addr, body)
	if err != nil {
		return err
	}
	req.Header.Set("Errand", strconv.Itoa(e.id))
	if e.again {
		req.Header.Set("Idempotency-Key", strconv.Itoa(e.id))
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && string(got) != e.answer() {
		err = fmt.Errorf("it was answered with %.40q, want %.40q", got, e.answer())
	}
	return err
}

// soakServer speaks HTTP/1 by hand, since no server of a library behaves so.
type soakServer struct {
	addr string
	wg   sync.WaitGroup

	mu    sync.Mutex
	ln    net.Listener
	conns map[net.Conn]bool
	seen  map[int]int // how often each errand that must not be made twice arrived
}

func (s *soakServer) listen(t *testing.T) {
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Error(err)
		return
	}
	s.mu.Lock()
	s.ln = ln
	s.mu.Unlock()
	s.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			if s.ln != ln {
				c.Close()
			} else {
				s.conns[c] = true
				s.wg.Go(func() { s.serve(c) })
			}
			s.mu.Unlock()
		}
	})
}

// restart is down for a moment, with all connections cut.
func (s *soakServer) restart(t *testing.T) {
	s.down()
	time.Sleep(10 * time.Millisecond)
	s.listen(t)
}

func (s *soakServer) down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ln.Close()
	s.ln = nil
	for c := range s.conns {
		end(c)
	}
}

func (s *soakServer) stop(t *testing.T, name string) {
	s.down()
	s.wg.Wait()
	for id, n := range s.seen {
		if n > 1 {
			t.Errorf("%s: request %d must not be made twice, and arrived %d times", name, id, n)
		}
	}
}

// end closes a connection, or resets it.
func end(c net.Conn) {
	if rand.IntN(2) == 0 {
		c.(*net.TCPConn).SetLinger(0)
	}
	c.Close()
}

func (s *soakServer) serve(c net.Conn) {
	var closing *time.Timer
	defer func() {
		if closing != nil {
			closing.Stop()
		}
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		end(c)
	}()
	br := bufio.NewReader(c)
	for first := true; ; first = false {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		id, _ := strconv.Atoi(req.Header.Get("Errand"))
		e := newErrand(id)
		if e.method == "POST" && !e.again {
			s.mu.Lock()
			s.seen[id]++
			s.mu.Unlock()
		}
		if n, err := io.Copy(io.Discard, req.Body); err != nil || int(n) != len(e.body) {
			return
		}
		switch {
		case (e.fate == dropped || e.fate == posted) && !first:
			return
		case e.fate == stalled:
			c.Read(make([]byte, 1)) // until the client gives up
			return
		}
		answer := e.answer()
		header := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n", len(answer))
		if e.closes {
			header += "Connection: close\r\n"
		}
		full := header + "\r\n" + answer
		if e.fate == halved {
			io.WriteString(c, full[:1+id%(len(full)-1)])
			return
		}
		if _, err := io.WriteString(c, full); err != nil || e.closes {
			return
		}
		if e.closing {
			closing = time.AfterFunc(rand.N(20*time.Millisecond), func() { end(c) })
		}
	}
}
