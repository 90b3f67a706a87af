package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"strings"
)

// A suite is net/http's own tests: those of package http_test, and package http
// itself, whose internal tests are in it.
type suite struct {
	dir                string // of net/http
	external, internal *source
}

func loadSuite(ctx context.Context, g *goTool) (*suite, error) {
	const variant = " [net/http.test]"
	pkgs, err := g.list(ctx, g.root, "-test", "net/http")
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet() // one, so that a position is enough to find a file
	load := func(path string) (*source, error) {
		p := pkgs[path+variant]
		if p == nil {
			return nil, errors.New("go list did not name net/http's tests")
		}
		return loadSource(fset, path, p, newExports(fset, pkgs, variant, p.ImportMap))
	}
	s := &suite{dir: filepath.Join(g.root, "src/net/http")}
	if s.external, err = load("net/http_test"); err != nil {
		return nil, err
	}
	if s.internal, err = load("net/http"); err != nil {
		return nil, err
	}
	return s, nil
}

// A saying is what a line of the suite prints. One that is none of these calls
// a helper, which prints in its name.
type saying int

const (
	saysError saying = iota + 1
	saysLog
	saysSkip
)

// sayings tells what the lines of the suite do that print, by "file.go:12": a
// test's output says where each of its lines is from, but not what it is.
func (s *suite) sayings() map[string]saying {
	at := map[string]saying{}
	for _, src := range []*source{s.external, s.internal} {
		for _, f := range src.files {
			if strings.HasSuffix(src.fileOf(f.Pos()), "_test.go") {
				src.sayings(f, at)
			}
		}
	}
	return at
}

func (s *source) sayings(f *ast.File, at map[string]saying) {
	ast.Inspect(f, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := c.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		line := fmt.Sprintf("%s:%d", s.baseOf(c.Pos()), s.line(sel.Sel.Pos()))
		switch sel.Sel.Name {
		case "Error", "Errorf", "Fatal", "Fatalf":
			at[line] = saysError
		case "Log", "Logf":
			at[line] = saysLog
		case "Skip", "Skipf":
			at[line] = saysSkip
		}
		return true
	})
}
