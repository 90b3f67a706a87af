package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/berth-go/berth"
)

// The balance of requests over the servers behind one name, as a headless service
// has them, while some come and some go.
const (
	podsUp       = 6 // at any time
	podsReplaced = 2 // at the end of each period
	balanceFor   = 4 // periods
	podCallers   = 32
	podAnswers   = time.Millisecond     // each request
	podThinks    = 8 * time.Millisecond // a caller between two, at most
)

// A balanceResult is how unevenly requests were spread: the Gini coefficient over
// the pods, 0 where all have the same, near 1 where one has all.
type balanceResult struct {
	Name     string    `json:"name"`
	Gini     float64   `json:"gini"` // mean of the periods
	Periods  []float64 `json:"periods"`
	Requests int       `json:"requests"`
	Failed   int       `json:"failed"`
	Dials    int       `json:"dials"`
	Targets  []target  `json:"targets"`
}

// balanced are the ways to be measured, each with the field that says so. Lifetimes
// are as much shorter than a user's as the periods are.
var balanced = []struct {
	name string
	peer func(*pods) (rt http.RoundTripper, stop func())
}{
	{nameNetHTTP, func(p *pods) (http.RoundTripper, func()) {
		t := &http.Transport{DialContext: p.dial, MaxIdleConnsPerHost: podCallers}
		return t, t.CloseIdleConnections
	}},
	{"berth, LIFO", func(p *pods) (http.RoundTripper, func()) { return p.berth(berth.LIFO) }},
	{"berth, FIFO", func(p *pods) (http.RoundTripper, func()) { return p.berth(berth.FIFO) }},
}

func measureBalance(ctx context.Context, o *options, r *report) error {
	for _, b := range balanced {
		fmt.Fprintf(o.progress, "balance: %s, %d periods of %v\n", b.name, balanceFor, o.period)
		res, err := balance(ctx, o, b.name, b.peer)
		if errors.Is(err, errOneAddress) {
			fmt.Fprintln(o.progress, "balance: left out,", err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		r.Balance = append(r.Balance, res)
	}
	std, fifo := r.Balance[0], &r.Balance[len(balanced)-1]
	fifo.Targets = []target{{What: "Gini, berth with FIFO / net/http", Got: fifo.Gini / std.Gini, AtMost: new(1.0 / 3)}}
	return nil
}

func balance(ctx context.Context, o *options, name string, peer func(*pods) (http.RoundTripper, func())) (balanceResult, error) {
	res := balanceResult{Name: name}
	p, err := newPods()
	if err != nil {
		return res, err
	}
	defer p.stop()
	rt, stop := peer(p)
	defer stop()
	var made, failed atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range podCallers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if made.Add(1); p.ask(rt) != nil {
					failed.Add(1)
				}
				sleep(ctx, rand.N(podThinks))
			}
		})
	}
	for i := range balanceFor {
		if i > 0 {
			if err := p.replace(); err != nil {
				return res, err
			}
		}
		sleep(ctx, o.period/4) // for the change to be seen
		p.count()
		if sleep(ctx, o.period*3/4); ctx.Err() != nil {
			return res, ctx.Err()
		}
		res.Periods = append(res.Periods, gini(p.count()))
	}
	cancel()
	wg.Wait()
	for _, g := range res.Periods {
		res.Gini += g / balanceFor
	}
	res.Requests, res.Failed, res.Dials = int(made.Load()), int(failed.Load()), int(p.accepted.Load())
	return res, nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// gini is the mean difference of two values, over twice their mean.
func gini(values []float64) float64 {
	sum, apart := 0.0, 0.0
	for _, a := range values {
		sum += a
		for _, b := range values {
			apart += max(a-b, b-a)
		}
	}
	if sum == 0 {
		return 0
	}
	return apart / (2 * float64(len(values)) * sum)
}

// pods are servers at addresses of 127.0.0.0/8, on one port, and the name server
// that knows them: it has all of them in each answer, in any order.
type pods struct {
	port     string
	accepted atomic.Int64

	mu   sync.Mutex
	next byte
	up   []*pod
}

type pod struct {
	ip     netip.Addr
	srv    *http.Server
	served atomic.Int64
}

var errOneAddress = errors.New("this machine has not all of 127.0.0.0/8")

func newPods() (*pods, error) {
	p := &pods{port: "0"}
	for range podsUp {
		if err := p.start(); err != nil {
			p.stop()
			return nil, err
		}
	}
	return p, nil
}

func (p *pods) start() error {
	p.next++
	one := &pod{ip: netip.AddrFrom4([4]byte{127, 0, 3, p.next})}
	ln, err := net.Listen("tcp", net.JoinHostPort(one.ip.String(), p.port))
	if err != nil {
		return fmt.Errorf("%w: %w", errOneAddress, err)
	}
	_, p.port, _ = net.SplitHostPort(ln.Addr().String())
	one.srv = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			one.served.Add(1)
			time.Sleep(podAnswers)
			io.WriteString(w, "ok")
		}),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				p.accepted.Add(1)
			}
		},
	}
	go one.srv.Serve(ln)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up = append(p.up, one)
	return nil
}

// replace starts some pods and has the oldest ones go as pods do: out of the name
// server first, then, when what is in flight is over, down.
func (p *pods) replace() error {
	p.mu.Lock()
	old := slices.Clone(p.up[:podsReplaced])
	p.up = slices.Clone(p.up[podsReplaced:])
	p.mu.Unlock()
	for range podsReplaced {
		if err := p.start(); err != nil {
			return err
		}
	}
	for _, one := range old {
		one.srv.Shutdown(context.Background())
	}
	return nil
}

func (p *pods) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.up {
		one.srv.Close()
	}
}

// count returns what each pod has served since it was last asked.
func (p *pods) count() (served []float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.up {
		served = append(served, float64(one.served.Swap(0)))
	}
	return served
}

// LookupNetIP is the name server.
func (p *pods) LookupNetIP(context.Context, string, string) (ips []netip.Addr, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range rand.Perm(len(p.up)) {
		ips = append(ips, p.up[i].ip)
	}
	return ips, nil
}

// dial is what net.Dialer does with an answer: the first address that can be
// reached.
func (p *pods) dial(ctx context.Context, network, _ string) (nc net.Conn, err error) {
	ips, _ := p.LookupNetIP(ctx, "ip", "")
	for _, ip := range ips {
		var d net.Dialer
		if nc, err = d.DialContext(ctx, network, net.JoinHostPort(ip.String(), p.port)); err == nil {
			break
		}
	}
	return nc, err
}

func (p *pods) berth(reuse berth.Reuse) (http.RoundTripper, func()) {
	t := &berth.Transport{Reuse: reuse, Resolver: p, ResolveInterval: 100 * time.Millisecond, MaxConnLifetime: 500 * time.Millisecond}
	return t, func() { t.Close() }
}

func (p *pods) ask(rt http.RoundTripper) error {
	req, err := http.NewRequest("GET", "http://pods.test:"+p.port, nil)
	if err != nil {
		return err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && string(body) != "ok" {
		err = errors.New("answered " + strconv.Quote(string(body)))
	}
	return err
}

func balanceTable(t *table, results []balanceResult) {
	t.begin("balance: %d callers, %d pods behind one name, %d of them replaced at a time. Gini of requests a pod, %d periods",
		podCallers, podsUp, podsReplaced, balanceFor)
	t.row("client", "Gini", "min–max", "requests", "failed", "connections")
	var targets []target
	for _, r := range results {
		t.row(r.Name, figure(r.Gini), spread(r.Periods), r.Requests, r.Failed, r.Dials)
		targets = append(targets, r.Targets...)
	}
	t.end(targets)
}
