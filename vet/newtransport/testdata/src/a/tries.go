package a

import (
	"errors"
	"io"
	"net/http"
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
