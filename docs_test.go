package berth_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every piece of Go in README.md and docs/ is part of an Example, so it
// compiles and does what it says.
func TestGoInDocsIsInExamples(t *testing.T) {
	pages, _ := filepath.Glob("docs/*.md")
	examples := ""
	files, _ := filepath.Glob("example*_test.go")
	for _, file := range files {
		examples += squeeze(read(t, file)) + " "
	}
	found := 0
	for _, page := range append(pages, "README.md") {
		for _, block := range goBlock.FindAllStringSubmatch(read(t, page), -1) {
			found++
			if !strings.Contains(examples, squeeze(block[1])) {
				t.Errorf("%s: this is in no Example:\n%s", page, block[1])
			}
		}
	}
	if found == 0 {
		t.Error("no Go was found in the pages")
	}
}

// README's transcript of berth demo is one that the command's tests hold.
func TestTranscriptInREADME(t *testing.T) {
	golden := strings.TrimSpace(read(t, "cmd/berth/internal/demo/testdata/80.txt"))
	if !strings.Contains(squeeze(read(t, "README.md")), squeeze(golden)) {
		t.Error("README.md does not have the transcript of cmd/berth/internal/demo/testdata/80.txt")
	}
}

// docs/transport.md has a row for every field that is not http.Transport's, or
// means something else.
func TestDifferencesAreListed(t *testing.T) {
	page := read(t, "docs/transport.md")
	for _, field := range []string{
		"MaxIdleConnsPerHost", "IdleConnTimeout", "MaxConns", "MaxHTTP2ConnsPerHost", "MaxConnLifetime", "Reuse", "MaxConnRequests", "MaxDialsPerHost", "MaxWaiting",
		"AcquireTimeout", "DialTimeout", "Timeout", "Control", "Events", "Logger", "LeakAfter",
	} {
		if !strings.Contains(page, "`"+field+"`") {
			t.Errorf("docs/transport.md says nothing of %s", field)
		}
	}
}

var (
	goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")
	spaces  = regexp.MustCompile(`\s+`)
)

func squeeze(s string) string { return strings.TrimSpace(spaces.ReplaceAllString(s, " ")) }

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// docs/debug-page.md has every field of Handler's JSON.
func TestFieldsOfThePageAreListed(t *testing.T) {
	page := read(t, "docs/debug-page.md")
	fields := regexp.MustCompile("`json:\"([a-z0-9_]+)").FindAllStringSubmatch(read(t, "view.go")+read(t, "finding.go"), -1)
	if len(fields) < 60 {
		t.Fatalf("only %d fields were found", len(fields))
	}
	for _, f := range fields {
		if !regexp.MustCompile("`" + f[1] + "(`|\\[)").MatchString(page) {
			t.Errorf("docs/debug-page.md says nothing of %s", f[1])
		}
	}
}
