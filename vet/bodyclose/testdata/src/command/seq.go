package main

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
)

// The program ends with the error.
func seqRun(all iter.Seq[string]) error {
	for u := range all {
		resp, err := http.Get("http://a/" + u)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		fmt.Println(u)
		resp.Body.Close()
	}
	return nil
}
