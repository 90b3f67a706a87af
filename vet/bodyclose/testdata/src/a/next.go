package a

import (
	"errors"
	"io"
	"net/http"
)

// The error says, behind the loop, whether one of them answered.
func next(urls []string) ([]byte, error) {
	var (
		resp *http.Response
		err  error
	)
	for _, u := range urls {
		resp, err = http.Get(u)
		if err == nil && resp.StatusCode >= 400 {
			resp.Body.Close()
			err = errors.New(resp.Status)
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func nextOpen(urls []string) (int, error) {
	var (
		resp *http.Response
		err  error
	)
	for _, u := range urls {
		resp, err = http.Get(u) // want `the response's body is never closed`
		if err == nil {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, nil
}
