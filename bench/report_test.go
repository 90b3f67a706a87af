package main

import (
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{3, 1, 2}, 2},
		{[]float64{4, 1, 3, 100}, 3.5},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median of %v: %v, want %v", test.values, got, test.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		target
		want string
	}{
		{target{Got: 0.78, AtMost: new(0.78)}, "must be ≤ 0.78: reached"},
		{target{Got: 0.81, AtMost: new(0.78)}, "must be ≤ 0.78: missed by 0.03"},
		{target{Got: 0, AtMost: new(0.0)}, "must be ≤ 0: reached"},
		{target{Got: 1.2, AtLeast: new(1.0)}, "must be ≥ 1: reached"},
		{target{Got: 0.95, AtLeast: new(1.0)}, "must be ≥ 1: missed by 0.05"},
		{target{Got: 1}, "no target"},
	} {
		if got := test.verdict(); got != test.want {
			t.Errorf("%+v: %q, want %q", test.target, got, test.want)
		}
	}
}

const wantText = `go1, linux/amd64, 2 CPUs, load 0.10

http: bare, 16 callers, TLS. 100 requests a turn, medians of 2 rounds, nginx/1
  client     CPU µs/request   min–max   allocations   bytes   requests/s   connections   dialed late
  net/http   15               10–20     38.0          2500    40000        16            0
  CPU, berth / net/http   0.75   must be ≤ 0.78: reached

http: bare, 100 callers, limit of 10 HTTP/2 streams. 100 requests a turn, medians of 1 rounds, nginx/1
  client   CPU µs/request   min–max   allocations   bytes   requests/s   connections   dialed late   held   cold dials   cold ms
  berth    25               25–25     30.0          3500    40000        12            0             10     11           20.5
  connections held, in the worst round   10   must be ≤ 10: reached

idle: 10 idle connections over plain TCP, nginx/1
  client     bytes a connection   with the gaps in spans   goroutines a connection
  net/http   21300                22000                    2

spike: 50 requests of 2ms at once on 5 warm connections, a dial takes 150ms. 2 spikes, go
  client     dials, median   min–max   ms, median
  net/http   46              45–47     24.5

pool: one cycle of take and put, no socket. Medians
  pool     procs   ns a cycle   allocations
  puddle   2       168          0
`

func TestText(t *testing.T) {
	r := report{
		Machine: machine{Go: "go1", OS: "linux/amd64", CPUs: 2, Load: "0.10"},
		HTTP: []httpResult{{
			Mode: bare, Callers: 16, wire: wire{TLS: true}, Server: "nginx/1", Requests: 100,
			Clients: []httpClient{{
				Name:   nameNetHTTP,
				Median: sample{CPU: 15, Allocs: 38, Bytes: 2500, PerSecond: 40000, Connections: 16},
				Rounds: []sample{{CPU: 10}, {CPU: 20}},
			}},
			Targets: []target{{What: "CPU, berth / net/http", Got: 0.75, AtMost: new(0.78)}},
		}, {
			Mode: bare, Callers: 100, wire: wire{TLS: true, HTTP2: true, Streams: 10}, Server: "nginx/1", Requests: 100,
			Clients: []httpClient{{
				Name: nameBerth,
				Median: sample{
					CPU: 25, Allocs: 30, Bytes: 3500, PerSecond: 40000, Connections: 12, Held: 10,
					coldStart: coldStart{ColdDials: 11, ColdMillis: 20.5},
				},
				Rounds: []sample{{CPU: 25}},
			}},
			Targets: []target{{What: "connections held, in the worst round", Got: 10, AtMost: new(10.0)}},
		}},
		Idle:  []idleResult{{Name: nameNetHTTP, Server: "nginx/1", Connections: 10, Live: 21300, Spans: 22000, Goroutines: 20}},
		Spike: []spikeResult{{Name: nameNetHTTP, Server: "go", Dials: []int{45, 47}, Millis: 24.5}},
		Pool:  []poolResult{{Name: "puddle", Procs: 2, Ns: 168}},
	}
	var got strings.Builder
	if err := r.text(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != wantText {
		t.Errorf("got\n%s\nwant\n%s", &got, wantText)
	}
}
