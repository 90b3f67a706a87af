package main

import (
	"slices"
	"testing"
)

func TestHTTP(t *testing.T) {
	r := runBench(t, "-rounds", "2", "-requests", "600", "http")
	if len(r.HTTP) != len(scenarios) {
		t.Fatalf("%d results, want %d", len(r.HTTP), len(scenarios))
	}
	for _, h := range r.HTTP {
		want := len(allClients)
		if h.HTTP2 {
			want-- // fasthttp
		}
		if len(h.Clients) != want {
			t.Errorf("%s, %d callers: %d clients", h.Mode, h.Callers, len(h.Clients))
		}
		for _, c := range h.Clients {
			if c.Median.CPU <= 0 || c.Median.PerSecond <= 0 || len(c.Rounds) != 2 {
				t.Errorf("%s, %d callers: %+v", h.Mode, h.Callers, c)
			}
		}
	}
}

// What each client is known to allocate shows that the turn measured that client.
func TestTurn(t *testing.T) {
	s := newServer(t, &options{}, serverNeeds{conns: 64})
	sc := scenario{mode: bare, callers: 4}
	for _, test := range []struct {
		name        string
		least, most float64
	}{
		{nameNetHTTP, 20, 60},
		{nameFastHTTP, 0, 5},
	} {
		got, err := sc.turn(t.Context(), s, test.name, 500)
		if err != nil {
			t.Fatal(err)
		}
		if got.Allocs < test.least || got.Allocs > test.most {
			t.Errorf("%s: %.1f allocations a request, want %v to %v", test.name, got.Allocs, test.least, test.most)
		}
		if got.Connections < 1 || got.DialedLate != 0 {
			t.Errorf("%s: %d connections, %d of them dialed late", test.name, got.Connections, got.DialedLate)
		}
	}
}

func TestTargets(t *testing.T) {
	sc := scenario{atMost: map[string]float64{nameNetHTTP: 0.78}}
	clients := []httpClient{
		{Name: nameNetHTTP, Median: sample{CPU: 20}},
		{Name: nameBerth, Median: sample{CPU: 15}},
		{Name: nameFastHTTP, Median: sample{CPU: 10}},
	}
	ts := sc.targets(clients)
	if len(ts) != 2 {
		t.Fatalf("targets %+v, want two", ts)
	}
	if ts[0].Got != 0.75 || ts[0].AtMost == nil || *ts[0].AtMost != 0.78 {
		t.Errorf("against net/http: %+v", ts[0])
	}
	if ts[1].Got != 1.5 || ts[1].AtMost != nil {
		t.Errorf("against fasthttp: %+v", ts[1])
	}
	if got := sc.targets(clients[:1]); got != nil {
		t.Errorf("without berth: %+v", got)
	}
}

func TestHTTP2Targets(t *testing.T) {
	sc := scenario{wire: wire{TLS: true, HTTP2: true, Streams: 10}, perSecond: map[string]float64{nameNetHTTP: 1}, held: 10}
	ts := sc.targets([]httpClient{
		{Name: nameBerth, Median: sample{CPU: 20, PerSecond: 300}, Rounds: []sample{{Held: 10}, {Held: 11}, {Held: 9}}},
		{Name: nameNetHTTP, Median: sample{CPU: 20, PerSecond: 400}, Rounds: []sample{{Held: 90}}},
	})
	want := []string{"no target", "must be ≥ 1: missed by 0.25", "must be ≤ 10: missed by 1"}
	var got []string
	for _, g := range ts {
		got = append(got, g.verdict())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q of %+v, want %q", got, ts, want)
	}
}

// Some more callers than streams: net/http, which waits a second and more before
// it repeats what was refused twice, comes through at once.
func TestHeld(t *testing.T) {
	eachServer(t, func(t *testing.T, o *options) {
		sc := scenario{mode: bare, callers: 12, wire: wire{TLS: true, HTTP2: true, Streams: 10}}
		s := newServer(t, o, serverNeeds{wire: sc.wire, conns: 256})
		got, err := sc.turn(t.Context(), s, nameNetHTTP, 20)
		if err != nil {
			t.Fatal(err)
		}
		if got.Held < 1 || got.Held > got.Connections || got.ColdDials < 1 || got.ColdMillis <= 0 {
			t.Errorf("%+v", got)
		}
	})
}
