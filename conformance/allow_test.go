package main

import (
	"maps"
	"os"
	"strings"
	"testing"
)

func TestParseAllowance(t *testing.T) {
	const text = `# A comment, and a blank line.

TestProxy # it needs a proxy
TestReuse/h1	#no blank behind the mark
  TestTwice/same#01   # the second subtest of that name # and a second mark
`
	want := allowance{
		"TestProxy":         "it needs a proxy",
		"TestReuse/h1":      "no blank behind the mark",
		"TestTwice/same#01": "the second subtest of that name # and a second mark",
	}
	got, err := parseAllowance(text)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestParseAllowanceWantsReasons(t *testing.T) {
	for _, line := range []string{"TestProxy", "TestProxy #", "TestProxy # ", "TestProxy it needs a proxy", "TestTwice/same#01"} {
		_, err := parseAllowance("# a comment\n" + line + "\n")
		name, _, _ := strings.Cut(line, " ")
		if want := "2: " + name + " has no reason: write one behind it"; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", line, err, want)
		}
	}
}

func TestAllowanceCovers(t *testing.T) {
	a := allowance{"TestA": "a", "TestB/h1": "b", "TestB/h1/deep": "c"}
	for name, want := range map[string]string{
		"TestA": "TestA", "TestA/h1/x": "TestA", "TestAB": "",
		"TestB": "", "TestB/h2": "", "TestB/h1": "TestB/h1", "TestB/h1/deep": "TestB/h1/deep", "TestB/h1/deeper": "TestB/h1",
	} {
		if got, ok := a.covers(name); got != want || ok != (want != "") {
			t.Errorf("%s: covered by %q, %v; want %q", name, got, ok, want)
		}
	}
}

// What the file of this folder lists is read, or every run would end at once.
func TestAllowFile(t *testing.T) {
	b, err := os.ReadFile("allow.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseAllowance(string(b)); err != nil {
		t.Errorf("allow.txt:%v", err)
	}
}
