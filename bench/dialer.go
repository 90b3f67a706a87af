package main

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// A dialer counts the dials that start.
type dialer struct {
	net   net.Dialer
	takes time.Duration // on top of what the kernel needs
	begun atomic.Int64
}

func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	d.begun.Add(1)
	if d.takes > 0 {
		select {
		case <-time.After(d.takes):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return d.net.DialContext(ctx, network, addr)
}

// Dial is what fasthttp asks for.
func (d *dialer) Dial(addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), "tcp", addr)
}

func (d *dialer) dials() int { return int(d.begun.Load()) }
