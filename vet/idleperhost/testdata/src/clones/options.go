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

// It has another by then.
func later(url string) {
	c := &http.Client{}
	c.Transport = &http.Transport{MaxIdleConnsPerHost: 100}
	for range 20 {
		go func() { c.Get(url) }()
	}
}

func base() *http.Transport { return http.DefaultTransport.(*http.Transport).Clone() }

func ofBase(url string) {
	t := base()
	t.DialContext = (&net.Dialer{}).DialContext
	c := &http.Client{Transport: t}
	for range 20 {
		go func() { c.Get(url) }()
	}
}

func asBase(url string) {
	c := &http.Client{Transport: base()}
	for range 20 {
		go func() {
			c.Get(url) // want `20 goroutines use a clone of the default transport at once`
		}()
	}
}
