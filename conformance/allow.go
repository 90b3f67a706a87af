package main

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"
)

// An allowance says which tests may fail: their names, and why. A name covers
// its subtests.
type allowance map[string]string

// allowance reads the -allow file.
func (o *options) allowance() (allowance, error) {
	if o.allow == "" {
		return nil, nil
	}
	b, err := os.ReadFile(o.allow)
	if o.allowOptional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("-allow: %w", err)
	}
	a, err := parseAllowance(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", o.allow, err)
	}
	return a, nil
}

// parseAllowance reads lines of the form
//
//	TestName/subtest # why it may fail
//
// A name alone is an error: nobody could tell later whether it may be removed.
// What separates is the blank before the #, as names end in #01 where a test
// has two subtests of one name.
func parseAllowance(text string) (allowance, error) {
	a := allowance{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest := line, ""
		if i := strings.IndexAny(line, " \t"); i >= 0 {
			name, rest = line[:i], strings.TrimSpace(line[i:])
		}
		reason, ok := strings.CutPrefix(rest, "#")
		if reason = strings.TrimSpace(reason); !ok || reason == "" {
			return nil, fmt.Errorf("%d: %s has no reason: write one behind it, as in %q", n, name, name+" # why it may fail")
		}
		a[name] = reason
	}
	return a, nil
}

// covers reports whether a test may fail, by its own name or by that of a test
// that it is part of.
func (a allowance) covers(name string) (by string, ok bool) {
	for at := range upwards(name) {
		if _, ok := a[at]; ok {
			return at, true
		}
	}
	return "", false
}

// upwards yields a test's name, that of the test it is part of, and so on.
func upwards(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for yield(name) {
			i := strings.LastIndex(name, "/")
			if i < 0 {
				return
			}
			name = name[:i]
		}
	}
}
