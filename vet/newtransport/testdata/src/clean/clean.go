package clean

import (
	"net/http"

	cleanhttp "github.com/hashicorp/go-cleanhttp"
)

func handle(w http.ResponseWriter, r *http.Request) {
	cleanhttp.DefaultClient().Get("http://x") // want `a new http.Client for every request that reaches handle: it keeps no connections alive, and each request makes one`
}

func poll(urls []string) {
	for _, url := range urls {
		c := &http.Client{Transport: cleanhttp.DefaultTransport()} // want `a new http.Transport in every turn of a loop: it keeps no connections alive`
		c.Get(url)
	}
}

func Pooled(url string) {
	cleanhttp.DefaultPooledClient().Get(url) // want `for every call of Pooled: its connections are never reused`
}

// What follows is right.

// It has none to lose, and may be called once.
func Fetch(url string) { cleanhttp.DefaultClient().Get(url) }

func newClient() *http.Client { // want newClient:"returns a new http.Client without keep-alives"
	return cleanhttp.DefaultClient()
}

func own() *http.Client { // want own:"returns a new http.Transport without keep-alives"
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	return &http.Client{Transport: t}
}

func byOwn(w http.ResponseWriter, r *http.Request) { own().Get("http://x") }
