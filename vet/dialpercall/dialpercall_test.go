package dialpercall_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/dialpercall"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), dialpercall.Analyzer, "a", "shapes", "peer")
}
