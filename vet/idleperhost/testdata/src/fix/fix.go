package fix

import "net/http"

var t = &http.Transport{
	MaxIdleConns: 100, // want `MaxIdleConnsPerHost is not set`
}

var (
	few = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 3}} // want `20 goroutines`
	two = &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: 1}} // want `20 goroutines`
	one = &http.Client{Transport: &http.Transport{}}                       // want `20 goroutines`
)

func at(url string) {
	for i := 0; i < 20; i++ {
		go func() {
			few.Get(url)
		}()
		go func() {
			two.Get(url)
		}()
		go func() {
			one.Get(url)
		}()
	}
}

func most() int { return 50 }

// It is not for a program to call that twice.
var called = &http.Transport{
	MaxIdleConns: most(), // want `MaxIdleConnsPerHost is not set`
}
