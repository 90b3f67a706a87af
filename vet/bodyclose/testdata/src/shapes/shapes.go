// The shapes in which a body is left open, and beside each the one that is right.
package shapes

import "net/http"

func Plain(url string) int {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func PlainRight(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

type API struct{ client *http.Client }

func (a *API) Method(url string) int {
	resp, err := a.client.Get(url) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func (a *API) MethodRight(url string) int {
	resp, err := a.client.Get(url)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func Closure(url string) func() int {
	return func() int {
		resp, err := http.Get(url) // want `never closed`
		if err != nil {
			return 0
		}
		return resp.StatusCode
	}
}

func ClosureRight(url string) func() int {
	return func() int {
		resp, err := http.Get(url)
		if err != nil {
			return 0
		}
		defer func() { resp.Body.Close() }()
		return resp.StatusCode
	}
}

func get(url string) (*http.Response, error) { return http.Get(url) } // want get:"returns an open body"

func Helper(url string) int {
	resp, err := get(url) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func done(resp *http.Response) { resp.Body.Close() }

func HelperRight(url string) int {
	resp, err := get(url)
	if err != nil {
		return 0
	}
	defer done(resp)
	return resp.StatusCode
}

type doer interface {
	Do(*http.Request) (*http.Response, error)
}

func Interface(d doer, req *http.Request) int {
	resp, err := d.Do(req) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func InterfaceRight(d doer, req *http.Request) int {
	resp, err := d.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func Generic[T any](url string, decode func(int) T) (v T) {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return v
	}
	return decode(resp.StatusCode)
}

func GenericRight[T any](url string, decode func(*http.Response) T) (v T) {
	resp, err := http.Get(url)
	if err != nil {
		return v
	}
	return decode(resp) // who closes it, for all we know
}

func loop(urls []string) {
	for _, url := range urls {
		resp, err := http.Get(url) // want `not closed when the loop goes on`
		if err != nil {
			continue
		}
		if resp.StatusCode == 404 {
			continue
		}
		resp.Body.Close()
	}
}

func loopRight(urls []string) {
	for _, url := range urls {
		resp, err := http.Get(url)
		if err != nil {
			continue
		}
		resp.Body.Close()
	}
}

func handler(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get("http://backend") // want `never closed`
	if err != nil {
		return
	}
	w.WriteHeader(resp.StatusCode)
}

func handlerRight(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get("http://backend")
	if err != nil {
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
}

type option func(*http.Client)

func Option(url string, opts ...option) int {
	c := &http.Client{}
	for _, o := range opts {
		o(c)
	}
	resp, err := c.Get(url) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func OptionRight(url string, opts ...option) int {
	c := &http.Client{}
	for _, o := range opts {
		o(c)
	}
	resp, err := c.Get(url)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
