package main

import (
	"strings"
	"testing"
)

// net/http is known: two goroutines a connection, each with a stack of 2 KB or
// more, and two buffers of 4 KB.
func TestIdle(t *testing.T) {
	r := runBench(t, "-conns", "300", "-clients", "net/http,fasthttp", "idle")
	if len(r.Idle) != 1 {
		t.Fatalf("results %+v, want net/http's alone", r.Idle)
	}
	got := r.Idle[0]
	if got.Goroutines < 595 || got.Goroutines > 605 || // some may come and go that are not its own
		got.Live < 12<<10 || got.Live > 48<<10 {
		t.Errorf("%+v", got)
	}
}

// A connection that was closed before it was measured must not count as cheap.
func TestStillOpen(t *testing.T) {
	s := newServer(t, &options{}, serverNeeds{conns: 64})
	p := newPeer(nameNetHTTP, s, bare, 20, 0)
	defer p.close()
	if err := openConns(p, s, 20); err != nil {
		t.Fatal(err)
	}
	if err := stillOpen(p, s, 20); err != nil {
		t.Error(err)
	}
	p.close()
	if err := stillOpen(p, s, 20); err == nil || !strings.Contains(err.Error(), "40 dials for 20 connections") {
		t.Errorf("after close: %v", err)
	}
}
