// Package clonesright keeps as many as it needs.
package clonesright

import "net/http"

func fetch(url string) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 100
	c := &http.Client{Transport: t}
	for range 100 {
		go func() { c.Get(url) }()
	}
}

func fetchOfFew(url string) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxConnsPerHost = 2
	c := &http.Client{Transport: t}
	for range 100 {
		go func() { c.Get(url) }()
	}
}
