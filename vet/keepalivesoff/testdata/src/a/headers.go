package a

import "net/http"

func byIndex(r *http.Request) {
	r.Header["Connection"] = []string{"close"} // want `the connection is closed after this request, and the next one makes another`
}

func byLiteral(r *http.Request) {
	r.Header = http.Header{"Connection": {"close"}} // want `the connection is closed after this request`
}

func byVariable(r *http.Request) {
	h := r.Header
	h.Set("Connection", "close") // want `the connection is closed after this request`
}

func whole(c *http.Client) {
	c.Do(&http.Request{Method: "GET", Close: true})                                  // want `the connection is closed after this request`
	c.Do(&http.Request{Method: "GET", Header: http.Header{"connection": {"close"}}}) // want `the connection is closed after this request`
}

// An upgrade, a response, what is served, what is asked for, and one file.

func upgrades(r *http.Request) { r.Header["Connection"] = []string{"Upgrade"} }

func answers(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Connection", "close")
	r.Header["Connection"] = []string{"close"}
}

func asked(c *http.Client, last bool) { c.Do(&http.Request{Close: last}) }

func load() (*http.Response, error) {
	c := &http.Client{}
	return c.Do(&http.Request{Method: "GET", Close: true})
}
