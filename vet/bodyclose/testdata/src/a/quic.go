package a

import (
	"net/http"

	"example.com/http3"
)

// A stream of HTTP/3 has no connection of its own.
func OverQUIC(t *http3.Transport, req *http.Request) int {
	resp, err := t.RoundTrip(req)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}
