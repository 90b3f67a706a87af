package newtransport_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/newtransport"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), newtransport.Analyzer, "a", "servertest", "speedtest", "program", "clean", "example.com/tool/cmd/tool")
}

func TestFix(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), newtransport.Analyzer, "fix")
}
