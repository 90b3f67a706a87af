// Package kube wraps the transport of client-go, which speaks HTTP/2.
package kube

import (
	"net/http"

	"k8s.io/client-go/rest"
)

func Retry(config *rest.Config) {
	config.WrapTransport = func(rt http.RoundTripper) http.RoundTripper { return retry{rt} }
}

type retry struct{ next http.RoundTripper }

func (r retry) RoundTrip(req *http.Request) (*http.Response, error) { // want RoundTrip:"returns an open body"
	resp, err := r.next.RoundTrip(req)
	for err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		resp, err = r.next.RoundTrip(req)
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
