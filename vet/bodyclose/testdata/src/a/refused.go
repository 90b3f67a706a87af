package a

import (
	"errors"
	"io"
	"net/http"
)

// refused returns what is read to its end where there is an error.
func refused(url string) (*http.Response, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	err = check(resp)
	return resp, err
}

func check(resp *http.Response) error {
	if resp.StatusCode < 300 {
		return nil
	}
	text, err := io.ReadAll(resp.Body)
	return errors.Join(err, errors.New(string(text)))
}

// Twice asks again when it was told to.
func Twice(url string) error {
	resp, err := refused(url)
	if resp != nil && resp.StatusCode == http.StatusUnauthorized {
		resp, err = refused(url)
	}
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
