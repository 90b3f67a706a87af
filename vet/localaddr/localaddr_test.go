package localaddr_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/localaddr"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), localaddr.Analyzer, "a", "shapes")
}
