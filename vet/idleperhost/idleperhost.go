// Package idleperhost finds pools that keep too few connections for what uses them.
package idleperhost

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/newtransport"
)

const doc = `find a MaxIdleConnsPerHost that is too small, or forgotten

MaxIdleConnsPerHost is 2 where it is not set, http.DefaultTransport's too: of the
connections that a burst of requests to one host made, all but two are closed, and
the next burst makes them anew (golang/go#13801). MaxIdleConns, which is easily taken
for it, is about all hosts together.

Reported are a Transport that sets MaxIdleConns above 2 and not MaxIdleConnsPerHost,
unless a comment there says something of idle connections, or that it is a copy of
the default one, which has 100, or it dials unix sockets, or is gone with the call;
and requests to one host from more goroutines than their Transport keeps connections
for, where the package says how many: in a loop that counts, by errgroup's SetLimit,
or by a channel of so many places. Of the default transport, any number that a loop
counts to is more, and each goroutine may have a host of its own: that is fine.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:     "idleperhost",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/berth-go/berth/vet/idleperhost",
	Requires: []*analysis.Analyzer{inspect.Analyzer, code.Analyzer, newtransport.Analyzer},
	Run:      run,
}

// kept is http.DefaultMaxIdleConnsPerHost.
const kept = 2

// defaultIdle is http.DefaultTransport's MaxIdleConns.
const defaultIdle = 100

func run(pass *analysis.Pass) (any, error) {
	if !code.Imports(pass.Pkg, "net/http") {
		return nil, nil
	}
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	again := pass.ResultOf[newtransport.Analyzer].(*newtransport.Result).Reported
	in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	told := crowds(pass, c, again)
	brief := briefs(c)
	for cur := range in.Root().Preorder((*ast.CompositeLit)(nil)) {
		lit := cur.Node().(*ast.CompositeLit)
		if code.Named(pass.TypesInfo.TypeOf(lit), "net/http", "Transport") && !c.IsTest(lit.Pos()) && !again[lit.Lbrace] && !told[lit.Lbrace] && !brief[lit.Lbrace] {
			forgotten(pass, lit)
		}
	}
	return nil, nil
}

// briefs are the Transports that are gone when their function is left, by their brace:
// what the function does one after the other needs one connection.
func briefs(c *code.Code) map[token.Pos]bool {
	brief := map[token.Pos]bool{}
	for _, f := range c.Funcs {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				if a, ok := in.(*ssa.Alloc); ok && code.Named(a.Type(), "net/http", "Transport") && !c.Follow(a).Outlives() {
					brief[a.Pos()] = true
				}
			}
		}
	}
	return brief
}

// forgotten is http.Transport{MaxIdleConns: 100}.
func forgotten(pass *analysis.Pass, lit *ast.CompositeLit) {
	if code.Field(lit, "MaxIdleConnsPerHost") != nil {
		return
	}
	if off := code.Field(lit, "DisableKeepAlives"); off != nil {
		if v := pass.TypesInfo.Types[off.Value].Value; v == nil || constant.BoolVal(v) {
			return
		}
	}
	if most := code.Field(lit, "MaxConnsPerHost"); most != nil {
		if n := number(pass, most.Value); n > 0 && n <= kept {
			return
		}
	}
	all := code.Field(lit, "MaxIdleConns")
	if all == nil || assigned(pass, lit) || code.DialsUnix(pass.TypesInfo, lit) || code.DialsOther(pass.TypesInfo, lit) {
		return
	}
	n := number(pass, all.Value)
	if n == defaultIdle && isCopy(pass, lit) {
		return
	}
	if n >= 0 && n <= kept || slices.ContainsFunc(code.Comments(pass, all.Pos()), func(text string) bool { return strings.Contains(text, "idle") }) {
		return
	}
	text := types.ExprString(all.Value)
	r := code.Report{
		Pos: all.Pos(), End: all.End(),
		What: fmt.Sprintf("MaxIdleConns is %s, but MaxIdleConnsPerHost is not set: %d idle connections a host are kept", text, kept),
		Do:   "set MaxIdleConnsPerHost too, to as many requests as run to one host at once",
	}
	if !hasCall(all.Value) { // which would be made twice
		r.FixName = "set MaxIdleConnsPerHost"
		r.Fix = []analysis.TextEdit{{Pos: all.Pos(), End: all.Pos(), NewText: []byte("MaxIdleConnsPerHost: " + text + behind(pass, all))}}
	}
	code.Reports(pass, r)
}

func hasCall(e ast.Expr) (has bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		_, ok := n.(*ast.CallExpr)
		has = has || ok
		return !has
	})
	return has
}

// behind is what is to follow a field that is put before another.
func behind(pass *analysis.Pass, next ast.Expr) string {
	if code.StartsLine(pass, next.Pos()) {
		return ",\n"
	}
	return ", "
}

// isCopy reports whether a comment in the declaration around a literal, or above it,
// names the default transport: it is as that is, and meant to be.
func isCopy(pass *analysis.Pass, lit *ast.CompositeLit) bool {
	for _, f := range pass.Files {
		for _, d := range f.Decls {
			if d.Pos() > lit.Pos() || d.End() < lit.End() {
				continue
			}
			from := d.Pos()
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc != nil {
					from = d.Doc.Pos()
				}
			case *ast.GenDecl:
				if d.Doc != nil {
					from = d.Doc.Pos()
				}
			}
			return slices.ContainsFunc(f.Comments, func(g *ast.CommentGroup) bool {
				return g.Pos() >= from && g.End() <= lit.End() && strings.Contains(g.Text(), "DefaultTransport")
			})
		}
	}
	return false
}

// number is a constant's value, or -1.
func number(pass *analysis.Pass, e ast.Expr) int64 {
	v := pass.TypesInfo.Types[e].Value
	if v == nil {
		return -1
	}
	n, ok := constant.Int64Val(constant.ToInt(v))
	if !ok {
		return -1
	}
	return n
}

// assigned reports whether the file of a literal sets the field of some Transport by
// assignment.
func assigned(pass *analysis.Pass, lit *ast.CompositeLit) bool {
	for _, f := range pass.Files {
		if lit.Pos() >= f.FileStart && lit.Pos() < f.FileEnd {
			return assigns(f)
		}
	}
	return false
}

// changesDefault reports whether a file sets it, and has to do with the default
// transport.
func changesDefault(pass *analysis.Pass) bool {
	return slices.ContainsFunc(pass.Files, func(f *ast.File) (names bool) {
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			names = names || ok && id.Name == "DefaultTransport"
			return !names
		})
		return names && assigns(f)
	})
}

func assigns(f *ast.File) (does bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok {
			for _, lhs := range s.Lhs {
				sel, ok := lhs.(*ast.SelectorExpr)
				does = does || ok && sel.Sel.Name == "MaxIdleConnsPerHost"
			}
		}
		return !does
	})
	return does
}
