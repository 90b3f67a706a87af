package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
)

// An idleResult is what the idle connections of a client hold, beyond what it
// held with none of them.
type idleResult struct {
	Name        string   `json:"name"`
	Server      string   `json:"server"`
	Connections int      `json:"connections"`
	Live        float64  `json:"live_bytes"`  // a connection: HeapAlloc + StackInuse, what is reachable
	Spans       float64  `json:"spans_bytes"` // a connection: HeapInuse + StackInuse, with the gaps
	Goroutines  int      `json:"goroutines"`  // of all the connections together
	Targets     []target `json:"targets"`
}

func measureIdle(ctx context.Context, o *options, r *report) error {
	if err := allowFiles(o.conns + 256); err != nil {
		return err
	}
	for _, name := range o.clients {
		if name == nameFastHTTP { // it reads the whole answer at once: we cannot hold a connection in use
			continue
		}
		res, err := idleOf(ctx, o, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Idle = append(r.Idle, res)
	}
	return nil
}

func idleOf(ctx context.Context, o *options, name string) (idleResult, error) {
	fmt.Fprintf(o.progress, "idle: %s, %d connections\n", name, o.conns)
	s, err := startServer(ctx, o, serverNeeds{conns: o.conns + 1})
	if err != nil {
		return idleResult{}, err
	}
	defer s.stop()
	p := newPeer(name, s, bare, o.conns+1, 0)
	defer p.close()
	if err := p.newCaller()(); err != nil { // what is made once is not a connection's
		return idleResult{}, err
	}
	before := readMemory()
	if err := openConns(p, s, o.conns+1); err != nil {
		return idleResult{}, err
	}
	after := readMemory()
	res := after.since(before, o.conns)
	res.Name, res.Server = name, s.name
	if name == nameBerth {
		res.Targets = []target{
			{What: "bytes an idle connection", Got: res.Live, AtMost: new(1024.0)},
			{What: "goroutines of all of them", Got: float64(res.Goroutines), AtMost: new(1.0)}, // the watcher
		}
	}
	return res, stillOpen(p, s, o.conns+1)
}

// openConns makes n connections and leaves them idle. All of them must be in
// use at one time for that, so no answer is read before the last one has begun.
func openConns(p *peer, s *server, n int) error {
	held, err := hold(p.transport, s.url, n)
	if err != nil {
		return err
	}
	for _, resp := range held {
		if err := s.drain(resp, nil); err != nil {
			return err
		}
	}
	if got := p.dialer.dials(); got != n {
		return fmt.Errorf("%d dials for %d connections", got, n)
	}
	return nil
}

// stillOpen uses all n connections once more: a dial means that one of them was
// not there when it was measured.
func stillOpen(p *peer, s *server, n int) error {
	if err := openConns(p, s, n); err != nil {
		return fmt.Errorf("a second time: %w", err)
	}
	return nil
}

// hold begins n exchanges, some at a time, and returns the answers unread.
func hold(rt http.RoundTripper, url string, n int) ([]*http.Response, error) {
	const openers = 16
	held := make([]*http.Response, n)
	errs := make([]error, openers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for opener := range openers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && errs[opener] == nil; i = next.Add(1) - 1 {
				held[i], errs[opener] = begin(rt, url)
			}
		})
	}
	wg.Wait()
	return held, cmp.Or(errs...)
}

// begin returns an answer whose body is unread.
func begin(rt http.RoundTripper, url string) (*http.Response, error) {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return nil, err
	}
	return rt.RoundTrip(req)
}

// A memory is what the garbage collector left.
type memory struct {
	live, spans uint64
	goroutines  int
}

// readMemory collects at least twice, since a sync.Pool lets go only then, and
// until the goroutines that are ending have ended.
func readMemory() memory {
	runtime.GC()
	for n := -1; n != runtime.NumGoroutine(); {
		n = runtime.NumGoroutine()
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{
		live:       m.HeapAlloc + m.StackInuse,
		spans:      m.HeapInuse + m.StackInuse,
		goroutines: runtime.NumGoroutine(),
	}
}

// since is what n connections hold that were opened from before to m.
func (m memory) since(before memory, n int) idleResult {
	return idleResult{
		Connections: n,
		Live:        (float64(m.live) - float64(before.live)) / float64(n),
		Spans:       (float64(m.spans) - float64(before.spans)) / float64(n),
		Goroutines:  m.goroutines - before.goroutines,
	}
}
