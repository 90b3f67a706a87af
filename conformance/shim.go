package main

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The shim is what the rewritten tests call: Go files with names in @s, one of
// package http, which has a look at its servers, the others of http_test.
//
//go:embed shim/*.go.txt
var shimFiles embed.FS

const (
	ownTag = "nethttp_conformance" // a build tag for files that only these tests need

	// What the shim prints for output.go to read.
	dropMark  = "conformance-drop: "
	auditMark = "conformance-audit std-round-trips="

	// How the shim is told of flags: a test binary has no others.
	modesVar = "CONFORM_MODES"
	leaksVar = "CONFORM_LEAKS"
)

// shim returns the files of the shim for the subject, by name.
func (r *rewriter) shim() map[string][]byte {
	clientConn := r.subject.clientConn
	if clientConn == "" {
		clientConn = "http.ClientConn" // to have a type that compiles
	}
	fill := strings.NewReplacer(
		"@IMPORT@", r.subject.path,
		"@TYPE@", r.subject.typ,
		"@CLIENTCONN@", clientConn,
		"@SYMBOL@", symbol(r.subject.path),
		"@MODULE@", r.subject.module,
		"@DROP@", dropMark,
		"@AUDIT@", auditMark,
		"@MODES@", modesVar,
		"@LEAKS@", leaksVar,
		"// @STUBS@\n", r.allStubs(),
	)
	entries, err := shimFiles.ReadDir("shim")
	if err != nil {
		panic(err) // it is embedded
	}
	files := map[string][]byte{}
	for _, e := range entries {
		text, err := shimFiles.ReadFile("shim/" + e.Name())
		if err != nil {
			panic(err)
		}
		name := "zz_conform_" + strings.TrimSuffix(e.Name(), ".go.txt") + "_test.go"
		files[name] = []byte(fill.Replace(string(text)))
	}
	return files
}

func (r *rewriter) allStubs() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.stubs)) {
		fmt.Fprintf(&b, "%s\n", r.stubs[name])
	}
	return b.String()
}
