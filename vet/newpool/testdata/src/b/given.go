package b

import (
	"net/http"

	"github.com/go-resty/resty/v2"
	"github.com/hashicorp/go-retryablehttp"
)

var own = &http.Client{Transport: http.DefaultTransport}

func retries(w http.ResponseWriter, r *http.Request) {
	c := retryablehttp.NewClient() // want `a new retryablehttp.Client, which has an http.Transport of its own, for every request`
	c.RetryMax = 3
	c.Get("http://a/")
}

// Who is given another's has no pool of its own.
func retriesOfOne(w http.ResponseWriter, r *http.Request) {
	c := retryablehttp.NewClient()
	c.HTTPClient = own
	c.Get("http://a/")
}

func rests(w http.ResponseWriter, r *http.Request) {
	resty.New().SetBaseURL("http://a/").Get("b") // want `a new resty.Client, which has an http.Transport of its own, for every request`
}

func restsOfOne(w http.ResponseWriter, r *http.Request) {
	c := resty.New().SetBaseURL("http://a/").SetTransport(own.Transport)
	c.Get("http://a/")
}

func retriesBy() *retryablehttp.Client {
	c := retryablehttp.NewClient()
	c.HTTPClient = own
	return c
}

func retriesByOne(w http.ResponseWriter, r *http.Request) {
	retriesBy().Get("http://a/")
}
