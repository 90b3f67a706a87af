// Clients are ways to use net/http, most of which waste connections. It is told
// which one, the URL and how many requests, and says when it is done. It waits
// for a line before it begins if there is a fourth argument.
package main

import (
	"context"
	"crypto/tls"
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
	"close-idle-shared":  func(url string, n int) { each(n, 1, func() { fetchCloseIdleShared(url) }) },
	"default-pool":       func(url string, n int) { bursts(n, 20, func() { fetchDefaultPool(url) }) },
	"not-drained":        func(url string, n int) { each(n, 4, func() { fetchNotDrained(url) }) },
	"no-keepalive":       func(url string, n int) { each(n, 4, func() { fetchNoKeepAlive(url) }) },
	"timeout":            func(url string, n int) { each(n, 4, func() { fetchTimeout(url) }) },
	"good":               func(url string, n int) { each(5*n, 20, func() { fetchGood(url) }) },
	"tls":                func(url string, n int) { bursts(n, 20, func() { fetchTLS(url) }) },
	"http2":              func(url string, n int) { each(n, 4, func() { fetchHTTP2(url) }) },
	"give-up":            func(url string, n int) { each(n, 4, func() { fetchGivingUp(url) }) },
	"raw-dial":           func(url string, n int) { each(n, 4, func() { fetchRaw(url) }) },
}

func main() {
	n, _ := strconv.Atoi(os.Args[3])
	if len(os.Args) > 4 {
		os.Stdin.Read(make([]byte, 1))
	}
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

// bursts calls f n times, so many at once, and no more before all of these are done.
func bursts(n, callers int, f func()) {
	for range n / callers {
		each(callers, callers, f)
	}
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

func fetchCloseIdleShared(url string) {
	read(http.Get(url))
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// The server answers a burst when all callers have asked.
func fetchDefaultPool(url string) {
	read(http.Get(url + "burst"))
}

var overTLS = &http.Client{Transport: &http.Transport{
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	TLSNextProto:    map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
}}

func fetchTLS(url string) {
	read(overTLS.Get(url + "burst"))
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
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", url+"slow", nil)
	read(http.DefaultClient.Do(req))
}

func fetchHTTP2(url string) {
	t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	read((&http.Client{Transport: t}).Get(url))
	t.CloseIdleConnections()
}

var pooled = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}

func fetchGood(url string) {
	read(pooled.Get(url))
}

// The server does not answer its SYN, and the dial is given up.
func fetchGivingUp(url string) {
	c, err := net.DialTimeout("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"), 50*time.Millisecond)
	if err == nil {
		c.Close()
	}
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
