// Berth-vet has go vet run berth's analyzers:
//
//	go vet -vettool=$(which berth-vet) ./...
//
// berth vet does that by itself, and says more.
package main

import (
	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/berth-go/berth/vet"
)

func main() { unitchecker.Main(vet.Analyzers()...) }
