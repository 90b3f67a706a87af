package a

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// first asks one after the other until one answers: who has an answer makes no other
// client.
func first(urls []string) (*http.Response, error) {
	var errs []error
	for _, url := range urls {
		c := &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}
		resp, err := c.Get(url)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		return resp, nil
	}
	return nil, errors.Join(errs...)
}

func again(url string) (resp *http.Response) {
	for range 3 {
		var err error
		if resp, err = askOnce(url); err == nil {
			break
		}
	}
	return resp
}

func askOnce(url string) (*http.Response, error) {
	return (&http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}).Get(url)
}

// each goes on, whether one answers or not.
func each(urls []string) (errs []error) {
	for _, url := range urls {
		c := &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}} // want `a new http.Transport in every turn of a loop`
		resp, err := c.Get(url)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		resp.Body.Close()
	}
	return errs
}

// until asks again as long as it is told to wait, which is no failure.
func until(url string) error {
	for {
		resp, err := (&http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}).Get(url) // want `a new http.Transport in every turn of a loop`
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			return nil
		}
	}
}

// rows ends where there are no more, which is no failure.
func rows(next func() (string, error)) error {
	for {
		url, err := next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		(&http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}).Get(url) // want `a new http.Transport in every turn of a loop`
	}
}

// Who tries again is done when it went well: a part of each request that is served.
func (s *status) tries(w http.ResponseWriter, r *http.Request) {
	for range 3 {
		c := &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}} // want `a new http.Transport for every request that reaches tries`
		if resp, err := c.Get(s.url); err == nil {
			resp.Body.Close()
			return
		}
		time.Sleep(time.Second)
	}
}

type status struct{ url string }

// Await asks again and again, and waits in between.
func (s *status) Await() error {
	for {
		resp, err := s.ask()
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		time.Sleep(time.Second)
	}
}

func (s *status) ask() (*http.Response, error) {
	return (&http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}).Get(s.url)
}

// Watch goes on until it is told to end.
func (s *status) Watch(done <-chan struct{}) {
	for {
		c := &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}
		if resp, err := c.Get(s.url); err == nil {
			resp.Body.Close()
		}
		select {
		case <-done:
			return
		default:
		}
		time.Sleep(time.Minute)
	}
}

// WatchIn is Watch, by a context.
func (s *status) WatchIn(ctx context.Context) {
	for {
		c := &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}
		if resp, err := c.Get(s.url); err == nil {
			resp.Body.Close()
		}
		if err := ctx.Err(); err != nil {
			return
		}
		time.Sleep(time.Minute)
	}
}

// Stops is a worker that is told to end by a flag.
func (s *status) Stops(stopped *atomic.Bool) {
	for {
		c := &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}
		if resp, err := c.Get(s.url); err == nil {
			resp.Body.Close()
		}
		if stopped.Load() {
			return
		}
		time.Sleep(time.Minute)
	}
}

// Gives is a worker that ends when it may not ask.
func (s *status) Gives() error {
	for {
		c := &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}
		resp, err := c.Get(s.url)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusUnauthorized {
				return errors.New(resp.Status)
			}
		}
		time.Sleep(time.Minute)
	}
}

// waitsFirst waits, and asks until it has an answer.
func (s *status) waitsFirst(w http.ResponseWriter, r *http.Request) {
	for {
		time.Sleep(time.Second)
		c := &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}} // want `a new http.Transport for every request that reaches waitsFirst`
		if _, err := c.Get(s.url); err == nil {
			return
		}
	}
}
