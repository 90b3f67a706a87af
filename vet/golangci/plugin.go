// Package golangci makes the analyzers a module plugin of golangci-lint. Its
// .custom-gcl.yml has
//
//	plugins:
//	  - module: github.com/berth-go/berth/vet
//	    import: github.com/berth-go/berth/vet/golangci
//
// and .golangci.yml
//
//	linters:
//	  enable: [berth]
//	  settings:
//	    custom:
//	      berth:
//	        type: module
//	        settings: {table: pools.txt}
package golangci

import (
	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"

	"github.com/berth-go/berth/vet"
	"github.com/berth-go/berth/vet/newpool"
)

func init() { register.Plugin("berth", New) }

// Settings are what .golangci.yml may say.
type Settings struct {
	Table string `json:"table"` // a file with more constructors, for newpool
}

// New is what golangci-lint calls.
func New(settings any) (register.LinterPlugin, error) {
	s, err := register.DecodeSettings[Settings](settings)
	if err != nil {
		return nil, err
	}
	if s.Table != "" {
		if err := newpool.Analyzer.Flags.Set("table", s.Table); err != nil {
			return nil, err
		}
	}
	return plugin{}, nil
}

type plugin struct{}

func (plugin) BuildAnalyzers() ([]*analysis.Analyzer, error) { return vet.Analyzers(), nil }

func (plugin) GetLoadMode() string { return register.LoadModeTypesInfo }
