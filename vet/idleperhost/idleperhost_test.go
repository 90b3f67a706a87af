package idleperhost_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/idleperhost"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), idleperhost.Analyzer, "a", "shapes", "clones", "clonesright")
}

func TestFix(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), idleperhost.Analyzer, "fix")
}
