// The shapes in which more run at once than connections are kept, and beside each the
// one that is right.
package shapes

import (
	"net/http"
	"sync"
)

const url = "http://backend"

func plain() {
	for range 50 {
		go http.Get(url) // one request each
		go func() {
			http.Get(url) // want `50 goroutines use the default transport at once`
		}()
	}
}

func plainRight() {
	for range 2 {
		go func() { http.Get(url) }()
	}
}

type api struct{ client *http.Client }

func newAPI() *api {
	return &api{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 5}}} // want `50 goroutines use this Transport at once`
}

func (a *api) method() {
	for range 50 {
		go func() { a.client.Get(url) }()
	}
}

type right struct{ client *http.Client }

func newRight() *right {
	return &right{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}}
}

func (r *right) methodRight() {
	for range 50 {
		go func() { r.client.Get(url) }()
	}
}

func closure() func() {
	return func() {
		for range 50 {
			go func() {
				http.Get(url) // want `50 goroutines use the default transport at once`
			}()
		}
	}
}

func closureRight(c *http.Client) func() {
	return func() {
		for range 50 {
			go func() { c.Get(url) }() // whose Transport nobody knows
		}
	}
}

func helper() {
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(ask)
	}
	wg.Wait()
}

func ask() { get("/x") }

func get(path string) {
	http.Get(url + path) // want `50 goroutines use the default transport at once`
}

func helperRight(hosts []string) {
	for _, host := range hosts {
		go fetch("http://" + host)
	}
}

func fetch(from string) { http.Get(from) }

func generic[T any](work []T) {
	for range 50 {
		go func() {
			http.Get(url) // want `50 goroutines use the default transport at once`
		}()
	}
}

func genericRight[T any](work []T) {
	for range work { // nobody knows how many
		go func() { http.Get(url) }()
	}
}

func handler(w http.ResponseWriter, r *http.Request) {
	for range 50 {
		go func() {
			http.Get(url) // want `50 goroutines use the default transport at once`
		}()
	}
}

func handlerRight(w http.ResponseWriter, r *http.Request) {
	http.Get(url) // as many as there are requests, which nobody knows
}

type option func(*http.Transport)

func options(opts ...option) *http.Transport {
	tr := &http.Transport{MaxIdleConns: 100} // want `MaxIdleConns is 100, but MaxIdleConnsPerHost is not set`
	for _, o := range opts {
		o(tr)
	}
	return tr
}

func optionsRight(opts ...option) *http.Transport {
	tr := &http.Transport{MaxIdleConns: 100, MaxIdleConnsPerHost: 100}
	for _, o := range opts {
		o(tr)
	}
	return tr
}
