package newpool_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/newpool"
)

func Test(t *testing.T) {
	newpool.Analyzer.Flags.Set("table", "testdata/own.txt")
	defer newpool.Analyzer.Flags.Set("table", "")
	analysistest.Run(t, analysistest.TestData(), newpool.Analyzer, "a")
}
