// Package b has helpers that others call.
package b

import (
	"net/http"
	"time"
)

// NewClient returns a new client each time.
func NewClient() *http.Client { // want NewClient:"returns a new http.Transport"
	return &http.Client{Transport: newTransport(), Timeout: time.Second}
}

func newTransport() *http.Transport { // want newTransport:"returns a new http.Transport"
	return &http.Transport{MaxIdleConnsPerHost: 100}
}

var shared = &http.Client{Transport: newTransport()}

// Client returns the same one each time.
func Client() *http.Client { return shared }

type License struct{ Client http.Client }

func (l *License) Parse(token string) bool { return token != "" }

func (l *License) Download() { l.download() }

func (l *License) download() { l.Client.Get("http://x") }
