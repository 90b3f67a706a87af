package main

import (
	"errors"
	"slices"
	"strings"
)

// A choice is a flag that takes one of a few words.
type choice struct {
	of []string
	is string
}

func (c *choice) String() string { return c.is }

// Type is the words, for flagError: slow, critical and exhausted.
func (c *choice) Type() string {
	last := len(c.of) - 1
	return strings.Join(c.of[:last], ", ") + " and " + c.of[last]
}

// Set takes one of the words.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return errors.New("no such choice") // flagError has better words
	}
	c.is = s
	return nil
}
