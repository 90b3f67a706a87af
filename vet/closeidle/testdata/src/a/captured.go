package a

import "net/http"

func (a *API) List(url string) {
	defer func() { a.client.CloseIdleConnections() }() // want `idle connections of a shared client are closed for every call of List`
	a.client.Get(url)
}

// Nobody knows whose it is.
func Given(c *http.Client, url string) {
	go func() {
		defer c.CloseIdleConnections()
		c.Get(url)
	}()
}

func Made(url string) {
	a := &API{client: &http.Client{Transport: &http.Transport{}}}
	defer func() { a.client.CloseIdleConnections() }()
	a.client.Get(url)
}
