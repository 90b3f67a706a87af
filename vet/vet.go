// Package vet has analyzers that find code which wastes connections: pools that are
// made again and again, bodies that stay open, keep-alives that are off. Each is in
// a package of its own, for other checkers; Analyzers has all of them.
package vet

import (
	"golang.org/x/tools/go/analysis"

	"github.com/berth-go/berth/vet/bodyclose"
	"github.com/berth-go/berth/vet/bodydrain"
	"github.com/berth-go/berth/vet/closeidle"
	"github.com/berth-go/berth/vet/dialpercall"
	"github.com/berth-go/berth/vet/idleperhost"
	"github.com/berth-go/berth/vet/keepalivesoff"
	"github.com/berth-go/berth/vet/localaddr"
	"github.com/berth-go/berth/vet/newpool"
	"github.com/berth-go/berth/vet/newtransport"
)

// Analyzers returns all of them, by name.
func Analyzers() []*analysis.Analyzer {
	return []*analysis.Analyzer{
		bodyclose.Analyzer,
		bodydrain.Analyzer,
		closeidle.Analyzer,
		dialpercall.Analyzer,
		idleperhost.Analyzer,
		keepalivesoff.Analyzer,
		localaddr.Analyzer,
		newpool.Analyzer,
		newtransport.Analyzer,
	}
}
