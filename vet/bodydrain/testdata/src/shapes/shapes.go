// The shapes in which a body is closed unread before the next request, and beside each
// the one that is right.
package shapes

import (
	"io"
	"net/http"
)

func Plain(url string) bool {
	for range 3 {
		resp, err := http.Get(url) // want `closed unread before the next request`
		if err != nil {
			return false
		}
		resp.Body.Close()
		if resp.StatusCode == 200 {
			return true
		}
	}
	return false
}

func PlainRight(url string) bool {
	for range 3 {
		resp, err := http.Get(url)
		if err != nil {
			return false
		}
		io.CopyN(io.Discard, resp.Body, 64<<10)
		resp.Body.Close()
		if resp.StatusCode == 200 {
			return true
		}
	}
	return false
}

type api struct {
	client *http.Client
	url    string
}

func (a *api) Method() bool {
	for range 3 {
		resp, err := a.client.Get(a.url) // want `closed unread before the next request`
		if err != nil {
			return false
		}
		resp.Body.Close()
		if resp.StatusCode == 200 {
			return true
		}
	}
	return false
}

func (a *api) MethodRight() bool {
	for range 3 {
		resp, err := a.client.Get(a.url)
		if err != nil {
			return false
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode == 200 {
			return true
		}
	}
	return false
}

func Closure(url string) func() {
	return func() {
		for range 3 {
			resp, err := http.Get(url) // want `closed unread before the next request`
			if err != nil {
				return
			}
			resp.Body.Close()
		}
	}
}

func ClosureRight(url string) func() {
	return func() {
		for range 3 {
			resp, err := http.Get(url)
			if err != nil {
				return
			}
			func() {
				defer resp.Body.Close()
				io.ReadAll(resp.Body)
			}()
		}
	}
}

func drop(resp *http.Response) { resp.Body.Close() }

func Helper(url string) {
	for range 3 {
		resp, err := http.Get(url) // want `closed unread before the next request`
		if err != nil {
			return
		}
		drop(resp)
	}
}

func drain(resp *http.Response) {
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func HelperRight(url string) {
	for range 3 {
		resp, err := http.Get(url)
		if err != nil {
			return
		}
		drain(resp)
	}
}

type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Interface is any client: one without keep-alives, a double. It is left out.
func Interface(d doer, req *http.Request) {
	for range 3 {
		resp, err := d.Do(req)
		if err != nil {
			return
		}
		resp.Body.Close()
	}
}

func Generic[T any](url string, decode func(int) T) (all []T) {
	for range 3 {
		resp, err := http.Get(url) // want `closed unread before the next request`
		if err != nil {
			return all
		}
		resp.Body.Close()
		all = append(all, decode(resp.StatusCode))
	}
	return all
}

func GenericRight[T any](url string, decode func(io.Reader) T) (all []T) {
	for range 3 {
		resp, err := http.Get(url)
		if err != nil {
			return all
		}
		all = append(all, decode(resp.Body))
		resp.Body.Close()
	}
	return all
}

func loop(a *api) {
	for range 3 {
		a.alive()
	}
}

func (a *api) alive() bool {
	resp, err := a.client.Get(a.url) // want `closed unread in every turn of a loop`
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == 200
}

func loopRight(urls []string) {
	for _, url := range urls {
		resp, err := http.Get(url)
		if err != nil {
			return
		}
		resp.Body.Close() // of another host each time
	}
}

func handler(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get("http://backend/health") // want `closed unread for every request that reaches handler`
	if err != nil {
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
}

func handlerRight(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Head("http://backend/health")
	if err != nil {
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
}

type option func(*http.Client)

func Option(url string, opts ...option) {
	c := &http.Client{}
	for _, o := range opts {
		o(c)
	}
	for range 3 {
		resp, err := c.Get(url) // want `closed unread before the next request`
		if err != nil {
			return
		}
		resp.Body.Close()
	}
}

func OptionRight(url string, opts ...option) {
	c := &http.Client{}
	for _, o := range opts {
		o(c)
	}
	resp, err := c.Get(url) // there is no next one
	if err != nil {
		return
	}
	resp.Body.Close()
}
