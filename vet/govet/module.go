package govet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/berth-go/berth/vet/internal/code"
)

// leaveSeldom leaves out what the other packages of a module make harmless: what is only
// wrong if others call a function again and again, where only commands do, programs
// that serve nobody and are done when they have done what they were told; and what is
// in a package that only tests import. An analyzer can't know, since go vet looks at a
// package before those that import it. Where go list can't tell, as outside of modules,
// nothing is left out.
func leaveSeldom(ctx context.Context, dir string, mains []mainModule, reports []Report) (left []Report, err error) {
	mods := map[string]*module{}
	for _, r := range reports {
		asks := r.byCall || code.IsInternal(r.pkg)
		at := slices.IndexFunc(mains, func(m mainModule) bool { return isBelow(r.pkg, m.Path) })
		if !asks || at < 0 {
			left = append(left, r)
			continue
		}
		path := mains[at].Path
		m := mods[path]
		if m == nil {
			if m, err = listModule(ctx, dir, path); err != nil {
				return reports, ctx.Err()
			}
			mods[path] = m
		}
		if !(r.byCall && m.isOfCommands(r.pkg)) && !m.isForTests(r.pkg) {
			left = append(left, r)
		}
	}
	return left, nil
}

// A module is its packages, by their import paths.
type module struct {
	path     string
	packages map[string]*listed
}

// listed is a package as go list has it.
type listed struct {
	ImportPath, Name, Dir      string
	GoFiles, CgoFiles, Imports []string
	TestImports, XTestImports  []string
	IgnoredGoFiles             []string // for other systems, or with tags

	serving *bool // what serves found
}

// A mainModule is one whose packages are the user's.
type mainModule struct{ Path, Dir string }

// mainModules are those that the go command works in, the longest path first: none, where
// it is given files, and there is no module.
func mainModules(ctx context.Context, dir string) ([]mainModule, error) {
	mods, err := list[mainModule](ctx, dir, "-m", "-json=Path,Dir")
	if err != nil {
		return nil, ctx.Err()
	}
	slices.SortFunc(mods, func(a, b mainModule) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	return mods, nil
}

func listModule(ctx context.Context, dir, path string) (*module, error) {
	all, err := list[*listed](ctx, dir, "-e", "-json=ImportPath,Name,Dir,GoFiles,CgoFiles,Imports,TestImports,XTestImports,IgnoredGoFiles", path+"/...")
	m := &module{path: path, packages: map[string]*listed{}}
	for _, p := range all {
		m.packages[p.ImportPath] = p
	}
	return m, err
}

// list returns what go list prints as JSON.
func list[T any](ctx context.Context, dir string, args ...string) (all []T, err error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); err == nil; {
		var next T
		if err = dec.Decode(&next); err == nil {
			all = append(all, next)
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return all, nil
}

// isOfCommands reports whether all that comes to a package are commands: no program
// that serves, and nothing that another module could import. In a module that is a
// program itself, that is nothing.
func (m *module) isOfCommands(pkg string) bool {
	root := m.packages[m.path]
	isApp := root != nil && root.Name == "main"
	commands := 0
	for _, p := range m.packages {
		if p.Name != "main" && (isApp || isOwn(strings.TrimPrefix(p.ImportPath, m.path))) {
			continue
		}
		reached := m.reach(p, map[*listed]bool{})
		if !reached[m.packages[pkg]] {
			continue
		}
		if p.Name != "main" {
			return false
		}
		for p := range reached {
			if p.serves() {
				return false
			}
		}
		commands++
	}
	return commands > 0
}

// isForTests reports whether a package is internal, and tests import it, and nothing
// else: one that nobody imports may be for another module.
func (m *module) isForTests(pkg string) bool {
	p := m.packages[pkg]
	if p == nil || p.Name == "main" || !code.IsInternal(strings.TrimPrefix(pkg, m.path)) {
		return false
	}
	tests := false
	for _, other := range m.packages {
		if other == p {
			continue // its own tests
		}
		if slices.Contains(other.Imports, pkg) {
			return false
		}
		tests = tests || slices.Contains(other.TestImports, pkg) || slices.Contains(other.XTestImports, pkg)
		for _, name := range other.IgnoredGoFiles {
			if !other.imports(name, pkg) {
				continue
			}
			if !strings.HasSuffix(name, "_test.go") {
				return false
			}
			tests = true
		}
	}
	return tests
}

// imports reports whether a file imports a package.
func (p *listed) imports(name, pkg string) bool {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
	return err == nil && slices.ContainsFunc(f.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == strconv.Quote(pkg) })
}

// isOwn reports whether a package is for its module only, or for a program of it, as
// what is below cmd.
func isOwn(path string) bool {
	return code.IsInternal(path) || slices.ContainsFunc(strings.Split(path, "/"), code.IsCommandFolder)
}

// reach returns p and what it imports of its module, however far.
func (m *module) reach(p *listed, reached map[*listed]bool) map[*listed]bool {
	if !reached[p] {
		reached[p] = true
		for _, path := range p.Imports {
			if next := m.packages[path]; next != nil {
				m.reach(next, reached)
			}
		}
	}
	return reached
}

// servers are what programs import that are there to be asked, or to wait for work,
// and may not listen by themselves.
var servers = []string{
	"github.com/gin-gonic/gin", "github.com/labstack/echo", "github.com/gofiber/fiber", "github.com/valyala/fasthttp",
	"github.com/aws/aws-lambda-go", "sigs.k8s.io/controller-runtime", "k8s.io/client-go/tools/leaderelection",
	"github.com/robfig/cron", "github.com/go-co-op/gocron", "go.temporal.io/sdk/worker", "github.com/hibiken/asynq",
	"github.com/bwmarrin/discordgo", "github.com/go-telegram-bot-api/telegram-bot-api",
}

// serves reports whether a package listens, by the names of what it calls, or imports
// something that does.
func (p *listed) serves() bool {
	if p.serving == nil {
		p.serving = new(p.listens())
	}
	return *p.serving
}

func (p *listed) listens() bool {
	for _, imp := range p.Imports {
		if slices.ContainsFunc(servers, func(path string) bool { return isBelow(imp, path) }) {
			return true
		}
	}
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return true // for all we know
		}
		does := false
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				return !slices.ContainsFunc(n.Args, isForItself)
			case *ast.SelectorExpr:
				name := n.Sel.Name
				does = does || strings.HasPrefix(name, "Listen") || name == "Serve" || name == "ServeTLS"
			}
			return !does
		})
		if does {
			return true
		}
	}
	return false
}

// isForItself reports whether an argument is an address that only the program itself can
// know, of this machine and any port: for a tunnel, or a login's answer.
func isForItself(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && (lit.Value == `"localhost:0"` || lit.Value == `"127.0.0.1:0"` || lit.Value == `"[::1]:0"`)
}

// isBelow reports whether a package is the one at a path, or is below it.
func isBelow(pkg, at string) bool {
	return pkg == at || strings.HasPrefix(pkg, at+"/")
}
