package bodyclose_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/bodyclose"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), bodyclose.Analyzer, "a", "shapes", "command", "kube", "example.com/m/internal/x", "example.com/m/retry", "example.com/m/testexporter", "example.com/m/e2eclient")
}

func TestFix(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), bodyclose.Analyzer, "fix")
}
