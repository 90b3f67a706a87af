package a

import "net/http"

type API struct{ client *http.Client }

func (a *API) Get(url string) error {
	defer a.client.CloseIdleConnections() // want `idle connections of a shared client are closed for every call of Get: the next request makes a new one`
	resp, err := a.client.Get(url)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (a *API) Post(req *http.Request) error {
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	a.client.Transport.(*http.Transport).CloseIdleConnections() // want `closed for every call of Post`
	return nil
}

func poll(urls []string) {
	for _, url := range urls {
		http.Get(url)
		http.DefaultClient.CloseIdleConnections() // want `closed in every turn of a loop`
	}
}

// Without a Transport of its own it closes the default one's.
func Bare(url string) {
	c := &http.Client{}
	defer c.CloseIdleConnections() // want `closed for every call of Bare`
	c.Get(url)
}

// What follows is right.

func (a *API) Close() { a.client.CloseIdleConnections() }

func (a *API) Try(url string) error {
	_, err := a.client.Get(url)
	if err != nil {
		a.client.CloseIdleConnections()
		return err
	}
	return nil
}

func (a *API) Sometimes(url string, last bool) {
	a.client.Get(url)
	if last {
		a.client.CloseIdleConnections()
	}
}

func Own(url string) {
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	c.Get(url)
}

func main() {
	http.Get("http://x")
	http.DefaultClient.CloseIdleConnections()
}

// An option may give it a Transport.
func Configured(url string, opts ...func(*http.Client)) {
	c := &http.Client{}
	for _, o := range opts {
		o(c)
	}
	defer c.CloseIdleConnections()
	c.Get(url)
}

// It is for later.
func (a *API) Login(url string) (logout func(), err error) {
	if _, err := a.client.Get(url); err != nil {
		return nil, err
	}
	return func() { a.client.CloseIdleConnections() }, nil
}

func Bound(a *API, url string) {
	a.client.Get(url)
	f := a.client.CloseIdleConnections
	f() // want `closed for every call of Bound`
}
