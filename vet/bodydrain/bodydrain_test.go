package bodydrain_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/berth-go/berth/vet/bodydrain"
)

func Test(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), bodydrain.Analyzer, "a", "shapes")
}
