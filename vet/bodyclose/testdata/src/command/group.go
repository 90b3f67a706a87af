package main

import (
	"errors"
	"log"
	"net/http"

	"golang.org/x/sync/errgroup"
)

var commands = map[string]func([]string) error{"upload": upload, "spawn": spawn, "probe": probe, "store": store, "asks": asks}

// upload is a command: it fails with the first that does.
func upload(args []string) error {
	var eg errgroup.Group
	for _, url := range args {
		eg.Go(func() error { return send(url) })
	}
	return eg.Wait()
}

func send(url string) error {
	resp, err := http.Post(url, "text/plain", nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return errors.New(resp.Status)
	}
	return nil
}

// probe says what fails, and goes on.
func probe(args []string) error {
	var eg errgroup.Group
	for _, url := range args {
		eg.Go(func() error { return look(url) })
	}
	if err := eg.Wait(); err != nil {
		log.Print(err)
	}
	return nil
}

func look(url string) error {
	resp, err := http.Post(url, "text/plain", nil) // want `never closed`
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return errors.New(resp.Status)
	}
	return nil
}

// spawn is upload by another name.
func spawn(args []string) error {
	var eg errgroup.Group
	start, wait := eg.Go, eg.Wait
	for _, url := range args {
		start(func() error { return send(url) })
	}
	return wait()
}

// store calls a literal by its name.
func store(args []string) error {
	put := func(url string) error { return place(url) }
	if len(args) > 3 {
		put = func(url string) error {
			defer log.Print("done")
			return place(url + "/")
		}
	}
	var eg errgroup.Group
	for _, url := range args {
		eg.Go(func() error { return put(url) })
	}
	return eg.Wait()
}

func place(url string) error {
	resp, err := http.Post(url, "text/plain", nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return errors.New(resp.Status)
	}
	return nil
}

// asks says what fails, and goes on, by its name too.
func asks(args []string) error {
	ask := func(url string) error { return question(url) }
	for _, url := range args {
		if err := ask(url); err != nil {
			log.Print(err)
		}
	}
	return nil
}

func question(url string) error {
	resp, err := http.Post(url, "text/plain", nil) // want `never closed`
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return errors.New(resp.Status)
	}
	return nil
}
