// Package clones uses clones of the default transport.
package clones

import "net/http"

func fetch(url string) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 200
	c := &http.Client{Transport: t}
	for range 100 {
		go func() {
			c.Get(url) // want `100 goroutines use a clone of the default transport at once .*, which keeps 2 idle connections a host`
		}()
	}
}

type client struct{ c *http.Client }

func newClient() *client {
	return &client{&http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}
}

func (c *client) fetch(url string) {
	for i := 0; i < 8; i++ {
		go c.get(url)
	}
}

func (c *client) get(url string) {
	c.c.Get(url) // want `8 goroutines use a clone of the default transport at once`
}

func two(url string) {
	c := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	for range 2 {
		go func() { c.Get(url) }()
	}
}
