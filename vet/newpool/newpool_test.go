package newpool_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/newpool"
)

func Test(t *testing.T) {
	if err := newpool.Analyzer.Flags.Set("table", "testdata/own.txt"); err != nil {
		t.Fatal(err)
	}
	analysistest.Run(t, analysistest.TestData(), newpool.Analyzer, "a", "shapes", "store", "b", "rpc", "web", "collector", "start", "command")
}
