// Package e2eclient is for tests, by its name.
package e2eclient

import "net/http"

func Probe(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	_ = resp.Status
	return nil
}
