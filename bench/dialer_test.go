package main

import (
	"net"
	"testing"
)

func TestDialerCounts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := &dialer{keeps: true}
	for range 3 {
		c, err := d.Dial(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	d.made[1].Close()
	if d.dials() != 3 || d.open() != 2 {
		t.Errorf("%d dials, %d open, want 3 and 2", d.dials(), d.open())
	}
}
