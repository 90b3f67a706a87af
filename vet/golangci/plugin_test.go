package golangci

import (
	"testing"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"
)

// As golangci-lint does it.
func TestPlugin(t *testing.T) {
	make, err := register.GetPlugin("berth")
	if err != nil {
		t.Fatal(err)
	}
	p, err := make(map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	analyzers, err := p.BuildAnalyzers()
	if err != nil || len(analyzers) != 9 {
		t.Errorf("%d analyzers, %v", len(analyzers), err)
	}
	if err := analysis.Validate(analyzers); err != nil {
		t.Error(err)
	}
	if _, err := make(map[string]any{"table": "nowhere.txt"}); err == nil {
		t.Error("a table that is not there is no error")
	}
}
