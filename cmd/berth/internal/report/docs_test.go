package report

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestDocs holds the examples of docs/check.md to what berth check prints.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/trouble-80.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := fenced(t, string(page), "text"); got != string(text) {
		t.Errorf("the page shows\n%s\nand berth check prints\n%s", got, text)
	}
	golden, err := os.ReadFile("testdata/trouble.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, fenced(t, string(page), "json")); !reflect.DeepEqual(got, decode(t, string(golden))) {
		t.Errorf("the page shows other JSON than berth check prints: %v", got)
	}
}

// TestFieldsAreDocumented: each field that is not plain from its name in the example has a word in the page.
func TestFieldsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(page), "\n## JSON\n")
	source, err := os.ReadFile("report.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`json:\"(\\w+)").FindAllStringSubmatch(string(source), -1) {
		if !regexp.MustCompile("[\"`.]" + m[1] + "[\"`]").MatchString(chapter) {
			t.Errorf("the page does not name the field %s", m[1])
		}
	}
}

// fenced is the first block of code of a language.
func fenced(t *testing.T, page, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "\n```"+language+"\n")
	block, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("no block of %s", language)
	}
	return block
}
