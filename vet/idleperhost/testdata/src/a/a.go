package a

import (
	"net/http"
	"sync"
	"time"
)

var forgotten = &http.Transport{
	MaxIdleConns:    100, // want `MaxIdleConns is 100, but MaxIdleConnsPerHost is not set: 2 idle connections a host are kept`
	IdleConnTimeout: 90 * time.Second,
}

const many = 64

func New() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConns: many}} // want `MaxIdleConns is many, but`
}

func workers(url string) {
	var wg sync.WaitGroup
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			http.Get(url) // want `100 goroutines use the default transport at once \([a-z.]+:[0-9]+\), which keeps 2 idle connections a host`
		}()
	}
	for range many {
		wg.Go(func() {
			for {
				http.DefaultClient.Get(url) // want `64 goroutines use the default transport at once`
			}
		})
	}
	wg.Wait()
}

func some(url string, n int) {
	for i := 0; i < n; i++ {
		go work(url)
	}
}

func work(url string) {
	http.Post(url, "", nil) // want `many goroutines use the default transport at once`
}

// What follows is right.

var both = &http.Transport{MaxIdleConns: 100, MaxIdleConnsPerHost: 100}

var two = &http.Transport{MaxIdleConns: 2}

var off = &http.Transport{MaxIdleConns: 100, DisableKeepAlives: true}

func two2(url string) {
	for i := 0; i < 2; i++ {
		go http.Get(url)
		go func() { http.Get(url) }()
	}
}

// Each to another host, for all we know.
func each(urls []string) {
	for _, url := range urls {
		go func() { http.Get(url) }()
	}
}

func tuned(c *http.Client, url string) {
	for i := 0; i < 100; i++ {
		go func() { c.Get(url) }()
	}
}

// Each has one of a list.
func eachByNumber(urls []string, n int) {
	for i := 0; i < n; i++ {
		go func() { http.Get(urls[i]) }()
		go work(urls[i])
		go func(url string) { http.Get(url + "/x") }(urls[i])
	}
}

var explained = &http.Transport{
	// As many idle ones as the daemon keeps.
	MaxIdleConns: 6,
}

// One request after the other.
func poll(url string) {
	tr := &http.Transport{MaxIdleConns: 100}
	c := http.Client{Transport: tr}
	for {
		resp, err := c.Get(url)
		if err == nil {
			resp.Body.Close()
			return
		}
	}
}
