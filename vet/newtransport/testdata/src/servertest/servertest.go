// Package servertest has a file that is for tests, by what it imports, and one
// that is not.
package servertest

import (
	"net/http"
	"net/http/httptest"
)

func Get(srv *httptest.Server) {
	c := &http.Client{Transport: &http.Transport{}}
	c.Get(srv.URL)
}
