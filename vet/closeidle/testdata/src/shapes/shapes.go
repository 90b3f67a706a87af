// The shapes in which a shared client's idle connections are closed with a request, and
// beside each the one that is right.
package shapes

import "net/http"

var shared = &http.Client{}

func Plain(url string) {
	http.Get(url)
	http.DefaultClient.CloseIdleConnections() // want `closed for every call of Plain`
}

func PlainRight(url string) {
	c := &http.Client{Transport: &http.Transport{}}
	c.Get(url)
	c.CloseIdleConnections()
}

type API struct{ client *http.Client }

func (a *API) Method(url string) {
	defer a.client.CloseIdleConnections() // want `closed for every call of Method`
	a.client.Get(url)
}

func (a *API) MethodRight() { a.client.CloseIdleConnections() }

func Closure(url string) func() {
	return func() {
		shared.Get(url)
		shared.CloseIdleConnections() // want `closed for every call of Closure`
	}
}

func ClosureRight() func() {
	return func() { shared.CloseIdleConnections() }
}

func client() *http.Client { return shared }

func Helper(url string) {
	client().Get(url)
	client().CloseIdleConnections() // want `closed for every call of Helper`
}

func newClient() *http.Client { return &http.Client{Transport: &http.Transport{}} }

func HelperRight(url string) {
	c := newClient()
	c.Get(url)
	c.CloseIdleConnections()
}

type pool interface {
	Do(*http.Request) (*http.Response, error)
	CloseIdleConnections()
}

// Interface is any client: it may be the call's own.
func Interface(p pool, req *http.Request) {
	p.Do(req)
	p.CloseIdleConnections()
}

func Generic[T any](url string, decode func(*http.Response) T) T {
	resp, _ := shared.Get(url)
	defer shared.CloseIdleConnections() // want `closed for every call of Generic`
	return decode(resp)
}

func GenericRight[T any](url string, decode func(*http.Response) T) T {
	resp, err := shared.Get(url)
	if err != nil {
		shared.CloseIdleConnections()
	}
	return decode(resp)
}

func loop(urls []string) {
	for _, url := range urls {
		shared.Get(url)
		shared.CloseIdleConnections() // want `closed in every turn of a loop`
	}
}

func loopRight(urls []string) {
	for _, url := range urls {
		shared.Get(url)
	}
	shared.CloseIdleConnections()
}

func handler(w http.ResponseWriter, r *http.Request) {
	shared.Get("http://backend")
	shared.CloseIdleConnections() // want `closed for every request that reaches handler`
}

func handlerRight(w http.ResponseWriter, r *http.Request) {
	shared.CloseIdleConnections() // a button to press
}

type option func(*http.Client)

func Option(url string, opts ...option) {
	for _, o := range opts {
		o(shared)
	}
	shared.Get(url)
	shared.CloseIdleConnections() // want `closed for every call of Option`
}

func OptionRight(url string, last bool) {
	shared.Get(url)
	if last {
		shared.CloseIdleConnections()
	}
}
