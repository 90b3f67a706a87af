package a

import (
	"context"
	"net/http"
)

// Literals of package variables.

var routes = map[string]http.HandlerFunc{
	"/a": func(w http.ResponseWriter, r *http.Request) {
		c := &http.Client{Transport: &http.Transport{}} // want `a new http.Transport for every request that reaches routes: its connections are never reused`
		c.Get("http://x")
	},
	"/b": func(w http.ResponseWriter, r *http.Request) { shared.Get("http://x") },
}

var shared = &http.Client{Transport: &http.Transport{}}

var once, never = func(w http.ResponseWriter, r *http.Request) {
	func() {
		c := &http.Client{Transport: &http.Transport{}} // want `for every request that reaches once`
		c.Get("http://x")
	}()
}, func() {
	c := &http.Client{Transport: &http.Transport{}}
	c.Get("http://x")
}

func init() {
	http.HandleFunc("/c", func(w http.ResponseWriter, r *http.Request) {
		c := &http.Client{Transport: &http.Transport{}} // want `for every request that reaches init:`
		c.Get("http://x")
	})
}

// A client that is sent is kept.

var free = make(chan *http.Client, 8)

func Pooled(ctx context.Context, url string) {
	var c *http.Client
	select {
	case c = <-free:
	default:
		c = &http.Client{Transport: &http.Transport{}}
	}
	c.Get(url)
	select {
	case free <- c:
	case <-ctx.Done():
	}
}

// It is tried again and again, and for each request.
func retried(w http.ResponseWriter, r *http.Request) {
	for range 3 {
		c := &http.Client{Transport: &http.Transport{}} // want `for every request that reaches retried`
		if _, err := c.Get("http://x"); err == nil {
			return
		}
	}
}
