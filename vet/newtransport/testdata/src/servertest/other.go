package servertest

import "net/http"

func Fetch(url string) {
	c := &http.Client{Transport: &http.Transport{}} // want `a new http.Transport for every call of Fetch`
	c.Get(url)
}
