// Package testexporter is for tests, by its name.
package testexporter

import "net/http"

func Probe(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	_ = resp.Status
	return nil
}
