package keepalivesoff_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/keepalivesoff"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), keepalivesoff.Analyzer, "a", "shapes")
}

func TestFix(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), keepalivesoff.Analyzer, "fix")
}
