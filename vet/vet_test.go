package vet_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"

	"github.com/berth-go/berth/vet"
)

func TestAnalyzers(t *testing.T) {
	all := vet.Analyzers()
	if err := analysis.Validate(all); err != nil {
		t.Error(err)
	}
	var names []string
	for _, a := range all {
		names = append(names, a.Name)
		if _, err := os.Stat(a.Name); err != nil {
			t.Errorf("%s has no folder of its name", a.Name)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("they are not in order: %v", names)
	}
}

// docs/vet.md has a heading for each.
func TestAnalyzersAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/vet.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range vet.Analyzers() {
		if !strings.Contains(string(page), "\n### "+a.Name+"\n") {
			t.Errorf("docs/vet.md has no heading for %s", a.Name)
		}
	}
}
