// A program that ends on an error.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	for _, url := range os.Args {
		body, err := get(url)
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(os.Stdout, body)
		body.Close()
		if err := save(url); err != nil {
			os.Exit(1)
		}
		if err := try(url); err != nil {
			log.Print(err) // and goes on
		}
	}
}

func get(url string) (io.ReadCloser, error) { // want get:"returns an open body"
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != 200 {
		return nil, errors.New(resp.Status)
	}
	return resp.Body, nil
}

func save(url string) error { return put(url) }

func put(url string) (err error) {
	defer log.Print(url)
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return resp.Body.Close()
}

func try(url string) error {
	resp, err := http.Get(url) // want `not closed on every path: not on that which returns in line 61`
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return resp.Body.Close()
}

// Nobody fails when this goes well, and leaves the body open.
func decode(url string, v any) error {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return err
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

func decodes(urls []string) {
	for _, url := range urls {
		if err := decode(url, nil); err != nil {
			log.Fatal(err)
		}
	}
}

// It is given to what calls it again.
func check() error {
	resp, err := http.Get("http://x") // want `not closed on every path`
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return resp.Body.Close()
}

func every(f func() error) {
	for range 3 {
		if err := f(); err != nil {
			log.Print(err)
		}
	}
}

func init() {
	every(check)
	for {
		check()
	}
}
