package a

import (
	"iter"
	"net/http"
	"slices"
	"time"
)

// Loops over functions are loops.

func seq(urls []string) {
	for url := range slices.Values(urls) {
		c := &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}} // want `a new http.Transport in every turn of a loop`
		c.Get(url)
	}
}

func seqOutside(urls iter.Seq[string]) {
	c := &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}
	for url := range urls {
		c.Get(url)
	}
}

// The first that answers is the last that is asked.
func seqFirst(urls iter.Seq[string]) {
	for url := range urls {
		c := &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}
		if _, err := c.Get(url); err == nil {
			return
		}
	}
}

func seqPaced(urls iter.Seq[string]) {
	for url := range urls {
		c := &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}
		c.Get(url)
		time.Sleep(time.Minute)
	}
}

func seqKept(urls iter.Seq[string]) (all []*http.Client) {
	for range urls {
		all = append(all, &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}})
	}
	return all
}

// What is around a loop over a function is around its body.

func seqPacedOutside(names iter.Seq[string], tick <-chan time.Time) {
	for range tick {
		for name := range names {
			c := &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}
			c.Get(name)
		}
	}
}

func seqOnError(url string, others iter.Seq[string]) {
	if _, err := http.Get(url); err != nil {
		for other := range others {
			c := &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}
			c.Get(other)
		}
	}
}

func every(d time.Duration) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for {
			time.Sleep(d)
			if !yield(time.Now()) {
				return
			}
		}
	}
}

func seqEvery(url string) {
	for range every(time.Minute) {
		c := &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}
		c.Get(url)
	}
}
