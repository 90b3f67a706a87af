package x

import (
	"net/http"

	"golang.org/x/net/http2"
)

type Backend struct{ c *http.Client }

func (b *Backend) Remove(url string) bool {
	resp, err := b.c.Get(url) // want `never closed`
	return err == nil && resp.StatusCode == 200
}

// It is of the kind that runs again, though it begins like one that does not.
func (b *Backend) StartJob(url string) bool {
	resp, err := b.c.Get(url) // want `never closed`
	return err == nil && resp.StatusCode == 200
}

// What follows is right.

// Latest is for a command that updates a program, and ends.
func Latest(url string) bool {
	resp, err := http.Get(url)
	return err == nil && resp.StatusCode == 200
}

func (b *Backend) Start(url string) bool {
	resp, err := b.c.Get(url)
	return err == nil && resp.StatusCode == 200
}

// One connection for all, and each body is a stream of it.
func (b *Backend) Probe(url string) bool {
	b.c = &http.Client{Transport: &http2.Transport{AllowHTTP: true}}
	resp, err := b.c.Get(url)
	return err == nil && resp.StatusCode == 200
}
