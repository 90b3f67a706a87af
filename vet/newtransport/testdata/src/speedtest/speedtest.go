// Package speedtest is for people, whatever its name ends in.
package speedtest

import "net/http"

func Measure(url string) {
	c := &http.Client{Transport: &http.Transport{}} // want `a new http.Transport for every call of Measure`
	c.Get(url)
}
