package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// A scenario is one table: some callers that use their client in one way.
type scenario struct {
	mode    mode
	callers int
	wire

	atMost    map[string]float64 // berth's CPU against this client's
	perSecond map[string]float64 // HTTP/2: berth's requests a second against this client's, at least
	held      float64            // HTTP/2: berth's connections at most; zero is no target
}

var scenarios = []scenario{
	{mode: bare, callers: 16, atMost: map[string]float64{nameNetHTTP: 0.78, nameFastHTTP: 1.40}},
	{mode: bare, callers: 256, atMost: map[string]float64{nameNetHTTP: 0.60, nameFastHTTP: 1.35}},
	{mode: bare, callers: 16, wire: wire{TLS: true}, atMost: map[string]float64{nameNetHTTP: 0.85}},
	{mode: withContext, callers: 16},
	{mode: withContext, callers: 256},
	{mode: transportTimeout, callers: 16},
	{mode: transportTimeout, callers: 256},
	{mode: clientTimeout, callers: 16},
	{mode: clientTimeout, callers: 256},
	{mode: bare, callers: 100, wire: wire{TLS: true, HTTP2: true}, atMost: map[string]float64{nameNetHTTP: 1.05}},
	{mode: bare, callers: 100, wire: wire{TLS: true, HTTP2: true, Streams: 10}, perSecond: map[string]float64{nameNetHTTP: 1}, held: 10},
}

// name is how the table is called, and how -scenarios finds it.
func (sc scenario) name() string {
	return fmt.Sprintf("%s, %d callers%s", sc.mode, sc.callers, sc.wire)
}

// clients are those that can take part: fasthttp has no HTTP/2.
func (sc scenario) clients(o *options) []string {
	return slices.DeleteFunc(slices.Clone(o.clients), func(name string) bool { return sc.HTTP2 && name == nameFastHTTP })
}

// warmUp is what each caller asks for in a turn after its first request: it opens
// the connections and grows the stacks.
const warmUp = 20

// An httpResult is a scenario measured.
type httpResult struct {
	Mode    mode `json:"mode"`
	Callers int  `json:"callers"`
	wire
	Server   string       `json:"server"`
	Requests int          `json:"requests"` // a turn
	Clients  []httpClient `json:"clients"`
	Targets  []target     `json:"targets"`
}

// An httpClient is one client's figures in a scenario.
type httpClient struct {
	Name   string   `json:"name"`
	Median sample   `json:"median"` // of each column by itself
	Rounds []sample `json:"rounds"`
}

func measureHTTP(ctx context.Context, o *options, r *report) error {
	stop, err := profile(o.profile)
	if err != nil {
		return err
	}
	defer stop()
	for _, sc := range scenarios {
		if !strings.Contains(sc.name(), o.scenarios) || len(sc.clients(o)) == 0 {
			continue
		}
		res, err := sc.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", sc.name(), err)
		}
		r.HTTP = append(r.HTTP, res)
	}
	return nil
}

// profile starts a CPU profile into the file, if there is a name.
func profile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

// measure gives every client a turn in each round. Who begins changes, so that a
// machine that grows slower over a round is nobody's disadvantage.
func (sc scenario) measure(ctx context.Context, o *options) (httpResult, error) {
	fmt.Fprintf(o.progress, "http: %s\n", sc.name())
	s, err := startServer(ctx, o, serverNeeds{wire: sc.wire, conns: 4096})
	if err != nil {
		return httpResult{}, err
	}
	defer s.stop()
	each := max(1, o.requests/sc.callers)
	res := httpResult{Mode: sc.mode, Callers: sc.callers, wire: sc.wire, Server: s.name, Requests: each * sc.callers}
	for _, name := range sc.clients(o) {
		res.Clients = append(res.Clients, httpClient{Name: name})
	}
	for round := range o.rounds {
		for i := range res.Clients {
			c := &res.Clients[(round+i)%len(res.Clients)]
			got, err := sc.turn(ctx, s, c.Name, each)
			if err != nil {
				return res, fmt.Errorf("%s: %w", c.Name, err)
			}
			c.Rounds = append(c.Rounds, got)
		}
	}
	for i := range res.Clients {
		res.Clients[i].Median = medianSample(res.Clients[i].Rounds)
	}
	res.Targets = sc.targets(res.Clients)
	return res, nil
}

// turn measures a client that is new and warm, with nobody else's connections
// open: net/http's goroutines would make the others' garbage collection dearer.
func (sc scenario) turn(ctx context.Context, s *server, name string, each int) (got sample, err error) {
	pprof.Do(ctx, pprof.Labels("client", name), func(context.Context) {
		p := newPeer(name, s, sc.mode, sc.callers, 0)
		p.dialer.keeps = true
		defer p.closeAll()
		callers := p.callers(sc.callers)
		var cold coldStart
		if cold, err = p.coldStart(callers); err != nil {
			return
		}
		if err = together(callers, warmUp); err != nil {
			return
		}
		runtime.GC()
		dialed, held := p.dialer.dials(), p.dialer.open()
		before := readUsage()
		err = together(callers, each)
		got = readUsage().since(before, each*len(callers))
		got.Connections = p.dialer.dials()
		got.DialedLate = got.Connections - dialed
		got.Held = held + got.DialedLate
		got.coldStart = cold
	})
	return got, err
}

// coldStart has each caller make its first request, all of them at once, of a
// client that knows nothing of the server.
func (p *peer) coldStart(callers []caller) (coldStart, error) {
	began := time.Now()
	err := together(callers, 1)
	return coldStart{
		ColdDials:  p.dialer.dials(),
		ColdMillis: float64(time.Since(began).Microseconds()) / 1e3,
	}, err
}

// targets holds berth's figures against each other client's.
func (sc scenario) targets(clients []httpClient) []target {
	i := slices.IndexFunc(clients, func(c httpClient) bool { return c.Name == nameBerth })
	if i < 0 {
		return nil
	}
	berth := clients[i]
	var ts []target
	for _, c := range clients {
		if c.Name == nameBerth {
			continue
		}
		cpu := target{What: "CPU, berth / " + c.Name, Got: berth.Median.CPU / c.Median.CPU}
		if most, ok := sc.atMost[c.Name]; ok {
			cpu.AtMost = &most
		}
		ts = append(ts, cpu)
		if !sc.HTTP2 {
			continue
		}
		rate := target{What: "requests/s, berth / " + c.Name, Got: berth.Median.PerSecond / c.Median.PerSecond}
		if least, ok := sc.perSecond[c.Name]; ok {
			rate.AtLeast = &least
		}
		ts = append(ts, rate)
	}
	if sc.held > 0 {
		held := column(berth.Rounds, func(s sample) int { return s.Held })
		ts = append(ts, target{What: "connections held, in the worst round", Got: slices.Max(held), AtMost: &sc.held})
	}
	return ts
}
