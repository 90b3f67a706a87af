// Package retry wraps any transport.
package retry

import (
	"net/http"
)

func Retry(rt http.RoundTripper) http.RoundTripper { return retry{rt} }

type retry struct{ next http.RoundTripper }

func (r retry) RoundTrip(req *http.Request) (*http.Response, error) { // want RoundTrip:"returns an open body"
	resp, err := r.next.RoundTrip(req)
	for err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		resp, err = r.next.RoundTrip(req) // want `not closed when the loop goes on`
	}
	return resp, err
}

// Hook goes elsewhere.
func Hook(url string) error {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return err
	}
	_ = resp.Status
	return nil
}
