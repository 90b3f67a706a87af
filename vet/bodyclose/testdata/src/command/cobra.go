package main

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"
	"github.com/urfave/cli/v2"
)

func download() *cobra.Command {
	return &cobra.Command{RunE: func(cmd *cobra.Command, args []string) error { return all(args) }}
}

func install() *cli.Command {
	return &cli.Command{Action: func(c *cli.Context) error { return all(nil) }}
}

func all(urls []string) error {
	for _, url := range urls {
		if err := one(url); err != nil {
			return err
		}
	}
	return nil
}

// one leaves a body open where its command fails.
func one(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return resp.Body.Close()
}

// A callback may fail, and be called again.
func parts() {
	inParts(nil, func(urls []string) error {
		for _, url := range urls {
			resp, err := http.Get(url) // want `not closed on every path`
			if err != nil {
				return err
			}
			if resp.StatusCode != 200 {
				return errors.New(resp.Status)
			}
			resp.Body.Close()
		}
		return nil
	})
}

var inParts func(urls []string, part func([]string) error)
