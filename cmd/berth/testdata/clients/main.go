// Clients are eight ways to use net/http, most of which waste connections. It is
// told which one, the URL and how many requests, and says when it is done.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

var clients = map[string]func(url string, n int){
	"transport-per-call": func(url string, n int) { each(n, 4, func() { fetchNewTransport(url) }) },
	"close-idle":         func(url string, n int) { each(n, 4, func() { fetchCloseIdle(url) }) },
	"default-pool":       func(url string, n int) { each(n, 20, func() { fetchDefaultPool(url) }) },
	"not-drained":        func(url string, n int) { each(n, 4, func() { fetchNotDrained(url) }) },
	"no-keepalive":       func(url string, n int) { each(n, 4, func() { fetchNoKeepAlive(url) }) },
	"timeout":            func(url string, n int) { each(n, 4, func() { fetchTimeout(url) }) },
	"good":               func(url string, n int) { each(n, 20, func() { fetchGood(url) }) },
	"raw-dial":           func(url string, n int) { each(n, 4, func() { fetchRaw(url) }) },
}

func main() {
	n, _ := strconv.Atoi(os.Args[3])
	clients[os.Args[1]](os.Args[2], n)
	fmt.Println("done")
	io.Copy(io.Discard, os.Stdin) // so that it can be looked at
}

// each calls f n times, from so many goroutines.
func each(n, callers int, f func()) {
	var all sync.WaitGroup
	for range callers {
		all.Add(1)
		go func() {
			defer all.Done()
			for range n / callers {
				f()
			}
		}()
	}
	all.Wait()
}

func read(resp *http.Response, err error) {
	if err != nil {
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func fetchNewTransport(url string) {
	c := &http.Client{Transport: &http.Transport{}}
	read(c.Get(url))
}

func fetchCloseIdle(url string) {
	t := &http.Transport{}
	read((&http.Client{Transport: t}).Get(url))
	t.CloseIdleConnections()
}

// In a pool that is too small, those that finish while others do are closed.
func fetchDefaultPool(url string) {
	read(http.Get(url))
}

func fetchNotDrained(url string) {
	resp, err := http.Get(url + "large")
	if err != nil {
		return
	}
	io.ReadFull(resp.Body, make([]byte, 4096))
	resp.Body.Close()
}

var noKeepAlive = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func fetchNoKeepAlive(url string) {
	read(noKeepAlive.Get(url))
}

func fetchTimeout(url string) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", url+"slow", nil)
	read(http.DefaultClient.Do(req))
}

var pooled = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}

func fetchGood(url string) {
	read(pooled.Get(url))
}

func fetchRaw(url string) {
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	c, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	c.Read(make([]byte, 10))
	c.Close()
}
