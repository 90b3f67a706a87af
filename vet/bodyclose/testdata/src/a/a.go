package a

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

func never(url string) int {
	resp, err := http.Get(url) // want `the response's body is never closed: its connection is never used again`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func read(c *http.Client, req *http.Request) ([]byte, error) {
	resp, err := c.Do(req) // want `not closed on every path: not on that which returns in line 24`
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != 200 {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func thrownAway(url string) error {
	_, err := http.Get(url) // want `never closed`
	return err
}

func onePath(url string) error {
	resp, err := http.Get(url) // want `the response's body is not closed on every path: not on that which returns in line 40`
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return resp.Body.Close()
}

func loop(urls []string) {
	for _, url := range urls {
		resp, err := http.Get(url) // want `the response's body is not closed when the loop goes on`
		if err != nil {
			continue
		}
		if resp.StatusCode == 404 {
			continue
		}
		resp.Body.Close()
	}
}

// Through an interface, and a helper.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

func byInterface(d doer, req *http.Request) int {
	resp, err := d.Do(req) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func helper(url string) (*http.Response, error) { // want helper:"returns an open body"
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func byHelper(url string) int {
	resp, err := helper(url) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func decode(url string, v any) error {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return err
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// What follows is right.

// It is read to its end, where the connection is given back.
func readAll(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(resp.Body)
}

// There is none, or it is closed.
func bodyCheck(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return nil
}

// A literal that is made before closes it.
func byLiteral(url string) (err error) {
	var resp *http.Response
	done := func() error {
		defer resp.Body.Close()
		return nil
	}
	resp, err = http.Get(url)
	if err != nil {
		return err
	}
	return done()
}

// Others have it, and may close it: what is returned may be closed.
func withCallback(url string, f func(*http.Response) error) (*http.Response, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return resp, f(resp)
}

func usesCallback(url string) int {
	resp, err := withCallback(url, nil)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func headByMethod(c *http.Client, url string) int {
	req, _ := http.NewRequest(http.MethodHead, url, nil)
	resp, err := c.Do(req)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func closed(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

func deferred(url string) (err error) {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := resp.Body.Close(); err == nil {
			err = cerr
		}
	}()
	return nil
}

func byFunc(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	return nil
}

func drain(r io.ReadCloser) {
	io.Copy(io.Discard, r)
	r.Close()
}

func returned(url string) (*http.Response, error) { return http.Get(url) } // want returned:"returns an open body"

func body(url string) (io.ReadCloser, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

type page struct{ body io.ReadCloser }

func stored(p *page, url string) {
	resp, err := http.Get(url)
	if err != nil {
		return
	}
	p.body = resp.Body
}

func nilCheck(url string) {
	resp, _ := http.Get(url)
	if resp != nil {
		resp.Body.Close()
	}
}

func head(url string) int {
	resp, err := http.Head(url)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func closesItself(url string) (*http.Response, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return resp, nil
}

// An upgrade, whose connection goes elsewhere.
func upgrade(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body.Close()
		return errors.New(resp.Status)
	}
	return nil
}

// A RoundTripper that is known to have nothing to close.
type empty struct{}

func (empty) RoundTrip(*http.Request) (*http.Response, error) { return nil, nil }

func byEmpty(req *http.Request) { empty{}.RoundTrip(req) }

func usesIt(url string) int {
	resp, err := closesItself(url)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}
