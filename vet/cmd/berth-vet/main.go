// Berth-vet has go vet run berth's analyzers:
//
//	go vet -vettool=$(which berth-vet) ./...
//
// berth vet does that by itself, and says more.
package main

import (
	"fmt"
	"os"

	"github.com/berth-go/berth/vet/govet"
)

func main() {
	if !govet.IsTool(os.Args[1:]) && (len(os.Args) == 1 || os.Args[1] != "help") {
		fmt.Fprintln(os.Stderr, "berth-vet is for go vet to run: go vet -vettool=$(which berth-vet) ./...")
		os.Exit(2)
	}
	govet.Tool() // berth-vet help newpool is its, too
}
