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
	"golang.org/x/tools/go/types/typeutil"

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
or by a channel of so many places. Of the default transport, and its clones, any number that
a loop counts to is more, and each goroutine may have a host of its own: that is fine.`

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
	isPool := func(brace token.Pos) bool { return !again[brace] && !told[brace] && !brief[brace] }
	for cur := range in.Root().Preorder((*ast.CompositeLit)(nil), (*ast.AssignStmt)(nil)) {
		if c.IsTest(cur.Node().Pos()) {
			continue
		}
		switch n := cur.Node().(type) {
		case *ast.CompositeLit:
			if code.Named(pass.TypesInfo.TypeOf(n), "net/http", "Transport") && isPool(n.Lbrace) {
				forgotten(pass, n)
			}
		case *ast.AssignStmt:
			forgottenLater(pass, cur, isPool)
		}
	}
	return nil, nil
}

// briefs are the Transports that are gone when their function is left, by their brace, or
// that of the call which clones one: what the function does one after the other needs one
// connection.
func briefs(c *code.Code) map[token.Pos]bool {
	brief := map[token.Pos]bool{}
	for _, f := range c.Funcs {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				if v := made(in); v != nil && !c.Follow(v).Outlives() {
					brief[v.Pos()] = true
				}
			}
		}
	}
	return brief
}

// made is the Transport that an instruction makes, or nil.
func made(in ssa.Instruction) ssa.Value {
	switch in := in.(type) {
	case *ssa.Alloc:
		if code.Named(in.Type(), "net/http", "Transport") {
			return in
		}
	case *ssa.Call:
		if code.FullName(code.Callee(in.Common())) == clone {
			return in
		}
	}
	return nil
}

const clone = "(net/http.Transport).Clone"

// forgotten is http.Transport{MaxIdleConns: 100}.
func forgotten(pass *analysis.Pass, lit *ast.CompositeLit) {
	all := code.Field(lit, "MaxIdleConns")
	if all == nil || !mayForget(pass, lit) {
		return
	}
	n := number(pass, all.Value)
	if n == defaultIdle && isCopy(pass, lit) || isMeant(pass, all, n) {
		return
	}
	text := types.ExprString(all.Value)
	r := report(all, text)
	if !hasCall(all.Value) { // which would be made twice
		r.FixName = "set MaxIdleConnsPerHost"
		r.Fix = []analysis.TextEdit{{Pos: all.Pos(), End: all.Pos(), NewText: []byte("MaxIdleConnsPerHost: " + text + behind(pass, all))}}
	}
	code.Reports(pass, r)
}

// forgottenLater is t.MaxIdleConns = 100, where the declaration around sets t to a literal,
// or to a clone of the default transport, which has 100 already.
func forgottenLater(pass *analysis.Pass, cur inspector.Cursor, isPool func(brace token.Pos) bool) {
	s := cur.Node().(*ast.AssignStmt)
	if len(s.Lhs) != 1 || len(s.Rhs) != 1 {
		return
	}
	sel, ok := s.Lhs[0].(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "MaxIdleConns" {
		return
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok || !code.Named(pass.TypesInfo.TypeOf(id), "net/http", "Transport") {
		return
	}
	n := number(pass, s.Rhs[0])
	if isMeant(pass, s, n) {
		return
	}
	for decl := range cur.Enclosing((*ast.FuncDecl)(nil)) {
		forgets := false
		switch t := pointedTo(code.DeclaredAs(pass, id, decl.Node())).(type) {
		case *ast.CompositeLit:
			forgets = isPool(t.Lbrace) && mayForget(pass, t)
		case *ast.CallExpr:
			forgets = isDefaults(pass, t) && n != defaultIdle && isPool(t.Lparen) && !assigned(pass, s.Pos())
		}
		if forgets {
			code.Reports(pass, report(s, types.ExprString(s.Rhs[0])))
		}
	}
}

// pointedTo is x of &x, or the expression itself.
func pointedTo(e ast.Expr) ast.Expr {
	if u, ok := e.(*ast.UnaryExpr); ok && u.Op == token.AND {
		return u.X
	}
	return e
}

// isDefaults reports whether a call clones the default transport.
func isDefaults(pass *analysis.Pass, call *ast.CallExpr) bool {
	return code.FullName(typeutil.StaticCallee(pass.TypesInfo, call)) == clone && strings.Contains(types.ExprString(call.Fun), "DefaultTransport")
}

// mayForget reports whether a literal keeps connections of which there may be many to one
// host, and does not say how many.
func mayForget(pass *analysis.Pass, lit *ast.CompositeLit) bool {
	if off := code.Field(lit, "DisableKeepAlives"); off != nil {
		if v := pass.TypesInfo.Types[off.Value].Value; v == nil || constant.BoolVal(v) {
			return false
		}
	}
	if most := code.Field(lit, "MaxConnsPerHost"); most != nil {
		if n := number(pass, most.Value); n > 0 && n <= kept {
			return false
		}
	}
	return code.Field(lit, "MaxIdleConnsPerHost") == nil && !assigned(pass, lit.Pos()) && !code.DialsUnix(pass.TypesInfo, lit) && !code.DialsOther(pass.TypesInfo, lit)
}

// isMeant reports whether a MaxIdleConns is no more than what is kept anyway, or has a
// comment that says something of idle connections.
func isMeant(pass *analysis.Pass, set ast.Node, n int64) bool {
	return n >= 0 && n <= kept || slices.ContainsFunc(code.Comments(pass, set.Pos()), func(text string) bool { return strings.Contains(text, "idle") })
}

func report(set ast.Node, text string) code.Report {
	return code.Report{
		Pos: set.Pos(), End: set.End(),
		What: fmt.Sprintf("MaxIdleConns is %s, but MaxIdleConnsPerHost is not set: %d idle connections a host are kept", text, kept),
		Do:   "set MaxIdleConnsPerHost too, to as many requests as run to one host at once",
	}
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

// assigned reports whether the file of a position sets MaxIdleConnsPerHost of some Transport
// by assignment.
func assigned(pass *analysis.Pass, at token.Pos) bool {
	for _, f := range pass.Files {
		if at >= f.FileStart && at < f.FileEnd {
			return assigns(f, "MaxIdleConnsPerHost")
		}
	}
	return false
}

// changesDefault reports whether a file sets it, or what makes it of no use, and has to do
// with the default transport, or whether one sets that.
func changesDefault(pass *analysis.Pass) bool {
	return slices.ContainsFunc(pass.Files, func(f *ast.File) (names bool) {
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			names = names || ok && id.Name == "DefaultTransport"
			return !names
		})
		return names && assigns(f, "MaxIdleConnsPerHost", "MaxConnsPerHost", "DisableKeepAlives", "DefaultTransport")
	})
}

// assigns reports whether a file sets one of some fields.
func assigns(f *ast.File, fields ...string) (does bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok {
			for _, lhs := range s.Lhs {
				sel, ok := lhs.(*ast.SelectorExpr)
				does = does || ok && slices.Contains(fields, sel.Sel.Name)
			}
		}
		return !does
	})
	return does
}
