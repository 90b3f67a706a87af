package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every piece of Go in README.md is part of an Example or a test, and every
// file here is in its list.
func TestREADME(t *testing.T) {
	files, _ := filepath.Glob("*_test.go")
	page, code := read(t, "README.md"), ""
	for _, name := range files {
		if name == "readme_test.go" {
			continue
		}
		code += squeeze(read(t, name)) + "\n"
		if !strings.Contains(page, "("+name+")") {
			t.Errorf("README.md does not list %s", name)
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1)
	for _, block := range blocks {
		if !strings.Contains(code, squeeze(block[1])) {
			t.Errorf("this is in no Example and no test:\n%s", block[1])
		}
	}
	if len(blocks) == 0 {
		t.Error("no Go was found in README.md")
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
