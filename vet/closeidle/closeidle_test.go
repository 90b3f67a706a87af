package closeidle_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/closeidle"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), closeidle.Analyzer, "a", "shapes")
}

func TestFix(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), closeidle.Analyzer, "fix")
}
