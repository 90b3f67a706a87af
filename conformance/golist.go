package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A goTool is the go command as it works in one folder, where go.mod may choose
// the toolchain.
type goTool struct {
	dir     string
	root    string // GOROOT
	version string
}

func newGoTool(ctx context.Context, dir string) (*goTool, error) {
	g := &goTool{dir: dir}
	out, err := g.output(ctx, dir, "env", "GOROOT", "GOVERSION")
	if err != nil {
		return nil, err
	}
	g.root, g.version, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	return g, nil
}

// output runs the go command in dir and returns what it printed.
func (g *goTool) output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, bytes.TrimSpace(exit.Stderr))
		}
		return nil, fmt.Errorf("go %s in %s: %w", args[0], dir, err)
	}
	return out, nil
}

// A listed is what is used of one package of `go list -json`.
type listed struct {
	Dir, ImportPath, Export string
	GoFiles                 []string
	ImportMap               map[string]string
	Module                  *struct{ Path string }
}

// list returns the packages that args name and all that they import, compiled.
func (g *goTool) list(ctx context.Context, dir string, args ...string) (map[string]*listed, error) {
	args = append([]string{"list", "-deps", "-export", "-json=Dir,ImportPath,Export,GoFiles,ImportMap,Module"}, args...)
	out, err := g.output(ctx, dir, args...)
	if err != nil {
		return nil, err
	}
	pkgs := map[string]*listed{}
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		p := new(listed)
		if err := dec.Decode(p); err == io.EOF {
			return pkgs, nil
		} else if err != nil {
			return nil, err
		}
		pkgs[p.ImportPath] = p
	}
}

// An exports is a types.Importer that reads export data.
type exports struct {
	types.Importer
	renamed map[string]string // import paths that mean another package, such as a vendored one
}

// newExports returns an importer of pkgs. Where a package was compiled for a
// test too, which variant names, that one is meant: only it has what
// export_test.go adds.
func newExports(fset *token.FileSet, pkgs map[string]*listed, variant string, renamed map[string]string) *exports {
	open := func(path string) (io.ReadCloser, error) {
		p := pkgs[path+variant]
		if p == nil {
			p = pkgs[path]
		}
		if p == nil || p.Export == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(p.Export)
	}
	return &exports{importer.ForCompiler(fset, "gc", open), renamed}
}

func (e *exports) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if to, ok := e.renamed[path]; ok {
		path, _, _ = strings.Cut(to, " ") // open adds the variant again
	}
	return e.Importer.Import(path)
}
