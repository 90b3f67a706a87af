package clones

import (
	"context"
	"net"
	"net/http"
)

// What may be done to a clone elsewhere.

type option func(*http.Transport)

func byOption(url string, opts ...option) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	for _, o := range opts {
		o(t)
	}
	c := &http.Client{Transport: t}
	for range 20 {
		go func() { c.Get(url) }()
	}
}

func unix(url string) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", "/run/x.sock")
	}
	c := &http.Client{Transport: t}
	for range 20 {
		go func() { c.Get(url) }()
	}
}

func ok(url string) {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return
	}
	c := &http.Client{Transport: t.Clone()}
	for range 20 {
		go func() {
			c.Get(url) // want `20 goroutines use a clone of the default transport at once`
		}()
	}
}
