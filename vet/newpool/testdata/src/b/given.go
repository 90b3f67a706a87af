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

// Nor has one that is given a new one, but that is as bad: of what is in a field
// newtransport tells.
func restsOfNew(w http.ResponseWriter, r *http.Request) {
	c := resty.New().SetTransport(&http.Transport{MaxIdleConnsPerHost: 9}) // want `a new resty.Client, which has an http.Transport of its own, for every request`
	c.Get("http://a/")
}

func restsOfNewClient(w http.ResponseWriter, r *http.Request) {
	c := &http.Client{}
	c.Transport = &http.Transport{MaxIdleConnsPerHost: 9}
	resty.New().SetClient(c).Get("http://a/") // want `a new resty.Client, which has an http.Transport of its own, for every request`
}

func restsOfOneTraced(w http.ResponseWriter, r *http.Request) {
	resty.New().EnableTrace().SetTransport(traced{own.Transport}).Get("http://a/")
}

type traced struct{ http.RoundTripper }

func retriesBy() *retryablehttp.Client {
	c := retryablehttp.NewClient()
	c.HTTPClient = own
	return c
}

func retriesByOne(w http.ResponseWriter, r *http.Request) {
	retriesBy().Get("http://a/")
}
