package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The spike test, after HikariCP's "spike demand": some connections are warm,
// then many short requests come at once, and a dial takes as long as all of
// them together.
const (
	spikeWarm   = 5
	spikeBurst  = 50
	spikeRounds = 10 // of the warm connections, before the spike
	answerTakes = 2 * time.Millisecond
	dialTakes   = 150 * time.Millisecond
)

// A spikeResult counts the dials that nobody needs.
type spikeResult struct {
	Name    string   `json:"name"`
	Server  string   `json:"server"`
	Dials   []int    `json:"dials"` // beyond the warm ones, of each spike
	Millis  float64  `json:"ms"`    // median, from the first request of a spike to its last answer
	Targets []target `json:"targets"`
}

func measureSpike(ctx context.Context, o *options, r *report) error {
	s, err := startServer(ctx, o, serverNeeds{delay: answerTakes})
	if err != nil {
		return err
	}
	defer s.stop()
	for _, name := range o.clients {
		res, err := spikesOf(ctx, o, s, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Spike = append(r.Spike, res)
	}
	return nil
}

func spikesOf(ctx context.Context, o *options, s *server, name string) (spikeResult, error) {
	fmt.Fprintf(o.progress, "spike: %s, %d times\n", name, o.spikes)
	res := spikeResult{Name: name, Server: s.name}
	var took []float64
	for range o.spikes {
		dials, t, err := spike(ctx, s, name)
		if err != nil {
			return res, err
		}
		res.Dials = append(res.Dials, dials)
		took = append(took, float64(t.Microseconds())/1e3)
	}
	res.Millis = median(took)
	if name == nameBerth {
		res.Targets = []target{{
			What:   "dials beyond the warm ones, in the worst spike",
			Got:    float64(slices.Max(res.Dials)),
			AtMost: new(1.0),
		}}
	}
	return res, nil
}

// spike returns the dials beyond the warm ones and the time the spike took.
func spike(ctx context.Context, s *server, name string) (dials int, took time.Duration, err error) {
	p := newPeer(name, s, bare, spikeBurst, dialTakes)
	defer p.close()
	callers := p.callers(spikeBurst)
	for range 1 + spikeRounds { // the first one dials
		if err := together(callers[:spikeWarm], 1); err != nil {
			return 0, 0, err
		}
	}
	if got := p.dialer.dials(); got != spikeWarm {
		return 0, 0, fmt.Errorf("%d connections are warm, want %d", got, spikeWarm)
	}
	began := time.Now()
	if err := together(callers, 1); err != nil {
		return 0, 0, err
	}
	took = time.Since(began)
	// A client that puts a dial off may begin it now, though nobody waits.
	select {
	case <-time.After(2 * dialTakes):
	case <-ctx.Done():
	}
	return p.dialer.dials() - spikeWarm, took, nil
}
