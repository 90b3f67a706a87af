package tool

import "net/http"

// Update is a program's own, that runs once.
func Update(url string) {
	c := &http.Client{Transport: &http.Transport{}}
	c.Get(url)
}

func All(urls []string) {
	for _, url := range urls {
		c := &http.Client{Transport: &http.Transport{}} // want `in every turn of a loop`
		c.Get(url)
	}
}
