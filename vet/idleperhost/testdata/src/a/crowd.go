package a

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"golang.org/x/sync/errgroup"
)

const (
	base     = "http://10.0.0.1"
	workers8 = 8
)

// A field's, and workers that a loop counts.
type Client struct {
	base string
	http *http.Client
}

func NewClient(base string) *Client {
	return &Client{base: base, http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 4, // want `8 goroutines use this Transport at once \(crowd.go:31\), but 4 idle connections a host are kept`
	}}}
}

func (c *Client) All(jobs chan string) {
	for i := 0; i < workers8; i++ {
		go func() {
			for job := range jobs {
				c.get(job)
			}
		}()
	}
}

func (c *Client) get(path string) error {
	req, err := http.NewRequestWithContext(context.Background(), "GET", c.base+path, nil)
	if err != nil {
		return err
	}
	_, err = c.http.Do(req)
	return err
}

// A package variable's, and errgroup's limit.
var tr = &http.Transport{MaxIdleConnsPerHost: 10} // want `50 goroutines use this Transport at once`

var client = &http.Client{Transport: tr}

func grouped(paths []string) {
	var g errgroup.Group
	g.SetLimit(50)
	for _, path := range paths {
		g.Go(func() error {
			_, err := client.Get(base + path)
			return err
		})
	}
}

// A local one, and a channel's places; it is not set.
func semaphore(paths []string) {
	c := &http.Client{Transport: &http.Transport{}} // want `16 goroutines use this Transport at once .*, but 2 idle connections a host are kept`
	sem := make(chan struct{}, 16)
	for _, path := range paths {
		sem <- struct{}{}
		go func() {
			defer func() { <-sem }()
			c.Get(base + path)
		}()
	}
}

// By value, and http.DefaultTransport.
var plain = http.Client{}

func byDefault(paths []string) {
	var g errgroup.Group
	g.SetLimit(5)
	for _, path := range paths {
		g.Go(func() error {
			_, err := plain.Get(base + path) // want `5 goroutines use the default transport at once \([a-z.]+:[0-9]+\), which keeps 2 idle connections a host`
			return err
		})
	}
}

// What follows is right.

var enough = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}

func asMany(paths []string) {
	var g errgroup.Group
	g.SetLimit(50)
	for _, path := range paths {
		g.Go(func() error {
			_, err := enough.Get(base + path)
			return err
		})
	}
}

// No more connections than it keeps.
var limited = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 5, MaxConnsPerHost: 5}}

func fewer(paths []string) {
	for i := 0; i < 20; i++ {
		go func() { limited.Get(base + paths[i]) }()
	}
}

// It is for a configuration to say.
type configured struct{ http *http.Client }

func newConfigured(n int) *configured {
	return &configured{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}}
}

func (c *configured) all() {
	for i := 0; i < 20; i++ {
		go c.http.Get(base)
		go func() { c.http.Get(base) }()
	}
}

// Of two, nobody knows which.
var either = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 3}}

func set(c *http.Client) { either = c }

func byEither() {
	for i := 0; i < 20; i++ {
		go func() { either.Get(base) }()
	}
}

// Each goes to a host of its own.
var crawler = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 3}}

func crawl(urls chan string) {
	for i := 0; i < 20; i++ {
		go func() {
			for url := range urls {
				crawler.Get(url)
			}
		}()
	}
}

// One after the other.
func inTurn() {
	for i := 0; i < 20; i++ {
		crawler.Get(base)
	}
}

// Each asks the host that it found.
func ask(hosts chan string) {
	for i := 0; i < 20; i++ {
		go func() {
			for host := range hosts {
				crawler.Get("http://" + net.JoinHostPort(host, "80") + "/status")
				crawler.Get(fmt.Sprintf("http://%s/status", host))
			}
		}()
	}
}
