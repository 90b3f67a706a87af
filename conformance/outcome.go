package main

import (
	"slices"
	"strings"
)

// A result is how a test, or a part of one, ended.
type result string

const (
	pass  result = "pass"
	fail  result = "fail"  // it reported an error
	hang  result = "hang"  // it showed no progress and was killed
	crash result = "crash" // its process ended
	drop  result = "drop"  // it needs what only net/http's own transport has
	skip  result = "skip"  // it skipped itself
)

func (r result) failed() bool { return r == fail || r == hang || r == crash }

// An outcome is that of one case: a test or subtest without subtests of its own,
// or one that failed on its own account.
type outcome struct {
	Name, Mode string
	Result     result
	Error      string `json:",omitempty"` // or why it was skipped or dropped
}

func newOutcome(name string, r result, why string) outcome {
	return outcome{name, modeOf(name), r, why}
}

func (o outcome) failed() bool { return o.Result.failed() }

// worst returns what is to be said of a test with these cases.
func worst(cases []outcome) result {
	for _, r := range []result{crash, hang, fail, pass, drop, skip} {
		if slices.ContainsFunc(cases, func(o outcome) bool { return o.Result == r }) {
			return r
		}
	}
	return ""
}

// modes are how the suite runs most tests, by the name of the subtest.
var modes = []string{"h1", "https1", "h2", "h2unencrypted"}

func modeOf(name string) string {
	for _, part := range strings.Split(name, "/")[1:] {
		if slices.Contains(modes, part) {
			return part
		}
	}
	return ""
}
