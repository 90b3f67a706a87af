// A program that asks all at once.
package main

import (
	"net"
	"net/http"
	"os"
	"sync"
)

func main() {
	var wg sync.WaitGroup
	for _, url := range os.Args[1:] {
		wg.Add(1)
		go func() {
			defer wg.Done()
			fetch(url)
		}()
	}
	wg.Wait()
	few(os.Args[1:])
	serve()
}

// fetch is asked for once for each address, all of them before any is done.
func fetch(url string) {
	(&http.Client{Transport: &http.Transport{MaxIdleConns: 1}}).Get(url)
}

// few asks for four at once.
func few(urls []string) {
	places := make(chan int, 4)
	for _, url := range urls {
		places <- 0
		go func() {
			limited(url)
			<-places
		}()
	}
}

func limited(url string) {
	(&http.Client{Transport: &http.Transport{MaxIdleConns: 1}}).Get(url) // want `a new http.Transport in every turn of a loop`
}

func serve() {
	l, err := net.Listen("tcp", "localhost:80")
	if err != nil {
		return
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go answer(conn)
	}
}

func answer(conn net.Conn) {
	(&http.Client{Transport: &http.Transport{MaxIdleConns: 1}}).Get("http://backend") // want `a new http.Transport in every turn of a loop`
	conn.Close()
}

// some asks for as many at once as there are places.
func some(urls []string, done <-chan struct{}) {
	places := make(chan int, 4)
	for _, url := range urls {
		go func() {
			places <- 0
			someOf(url)
			<-places
		}()
	}
}

func someOf(url string) {
	(&http.Client{Transport: &http.Transport{MaxIdleConns: 1}}).Get(url) // want `a new http.Transport in every turn of a loop`
}

// workers are four, however many addresses were counted before.
func workers(urls []string) {
	n := 0
	for _, url := range urls {
		n += len(url)
	}
	for range 4 {
		go work()
	}
}

func work() {
	(&http.Client{Transport: &http.Transport{MaxIdleConns: 1}}).Get("http://queue") // want `a new http.Transport in every turn of a loop`
}
