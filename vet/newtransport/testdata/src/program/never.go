package main

import (
	"iter"
	"net/http"
	"time"
)

// It never comes to this loop.
func never(urls iter.Seq[string]) error {
	return nil
	for url := range urls {
		go func() {
			(&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(url)
		}()
	}
	return nil
}
