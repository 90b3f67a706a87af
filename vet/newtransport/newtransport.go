// Package newtransport finds pools of connections that are made again and again.
package newtransport

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/internal/pools"
)

const doc = `find an http.Transport that is made for every call

An http.Transport is a pool of connections. One that is made for a call, a request
that is served or a turn of a loop has none to use again: each request makes a
connection, and closes it, or leaves it open for as long as the other side likes.
Either way ports run out: golang/go#24719, and the first advice of net/http's
documentation ("should be reused instead of created as needed").

What is stored where it outlives the call, in a field, a package variable, a map, a
closure that goes elsewhere, or is returned, is fine, and so is &http.Client{},
which uses http.DefaultTransport. A function that returns a new one is known as
such wherever it is called, in other packages too. In tests, only benchmarks are
looked at.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:       "newtransport",
	Doc:        doc,
	URL:        "https://pkg.go.dev/github.com/berth-go/berth/vet/newtransport",
	Requires:   []*analysis.Analyzer{code.Analyzer},
	FactTypes:  []analysis.Fact{new(IsNew)},
	ResultType: reflect.TypeFor[*Result](),
	Run:        run,
}

// Result is what other analyzers may ask.
type Result struct {
	MayMake  func(*types.Func) string // what pool a function returns that it may have made, or nothing
	Reported map[token.Pos]bool       // by the brace of a literal
}

// IsNew is the fact of a function that it returns a new pool each time, or sometimes.
type IsNew struct {
	What      string
	Sometimes bool
}

// AFact makes it one.
func (*IsNew) AFact() {}

// String is for tests.
func (n *IsNew) String() string {
	if n.Sometimes {
		return "sometimes returns a new " + n.What
	}
	return "returns a new " + n.What
}

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	table := pools.Of(true)
	fact := func(fn *types.Func) (n IsNew) {
		pass.ImportObjectFact(fn.Origin(), &n)
		return n
	}
	mayMake := func(fn *types.Func) string { return fact(fn).What }
	made := func(fn *types.Func) string {
		if n := fact(fn); !n.Sometimes {
			return n.What
		}
		return ""
	}
	for findMakers(pass, c, table, mayMake, made) {
	}
	result := &Result{mayMake, map[token.Pos]bool{}}
	for _, f := range c.Funcs {
		for _, s := range c.Sources(f, table, made) {
			if check(pass, c, s) {
				result.Reported[s.In.Pos()] = true
			}
		}
	}
	return result, nil
}

// findMakers exports the fact of those functions that it finds to return something
// new, and reports whether there were any: which may show others.
func findMakers(pass *analysis.Pass, c *code.Code, table pools.Table, mayMake, made func(*types.Func) string) (found bool) {
	for _, f := range c.Funcs {
		fn, ok := f.Object().(*types.Func)
		if !ok || mayMake(fn) != "" || !returnsPool(f.Signature) {
			continue
		}
		for _, s := range c.Sources(f, table, mayMake) {
			flow := c.Follow(s.Value)
			if !flow.Returned || flow.Kept || isBound(c, s.Value) {
				continue
			}
			n := &IsNew{What: s.What, Sometimes: !c.ReturnsOnly(f, s.Value) || s.Fn != nil && made(s.Fn) == ""}
			pass.ExportObjectFact(fn, n)
			if !n.Sometimes {
				c.SetFresh(fn)
			}
			found = true
			break
		}
	}
	return found
}

// returnsPool reports whether a function's results are a pool for HTTP, rather than
// something that has one.
func returnsPool(sig *types.Signature) bool {
	for i := range sig.Results().Len() {
		t := sig.Results().At(i).Type()
		for _, name := range []string{"Client", "Transport", "RoundTripper"} {
			if code.Named(t, "net/http", name) {
				return true
			}
		}
	}
	return false
}

// check reports a pool that is made again and again, and whether it is one.
func check(pass *analysis.Pass, c *code.Code, s code.Source) bool {
	often := c.Often(s.In)
	if !often.Yes() || isOff(pass, c, s.Value) || isBound(c, s.Value) || c.IsTest(s.In.Pos()) && !isBenchmark(s.In.Parent()) {
		return false
	}
	flow := c.Follow(s.Value)
	if flow.Outlives() || !flow.Used || flow.Looped && !code.InLoop(s.In) {
		return false
	}
	what := "a new " + s.What
	if s.Fn != nil {
		what += ", from " + s.Fn.Name() + ","
	}
	r := code.Report{Pos: s.In.Pos(), End: s.In.Pos(), What: what + " " + often.String() + ": its connections are never reused", Do: advice(s.In)}
	if a, ok := s.Value.(*ssa.Alloc); ok {
		if lit := c.Literal(a); lit != nil {
			r.Pos, r.End = lit.Pos(), lit.End()
		}
	}
	code.Reports(pass, r)
	return true
}

// isBenchmark reports whether f is one, or in one: what they measure then is dials.
func isBenchmark(f *ssa.Function) bool {
	for ; f != nil; f = f.Parent() {
		for _, p := range f.Params {
			if code.Named(p.Type(), "testing", "B") {
				return true
			}
		}
	}
	return false
}

// isOff reports whether the literal disables keep-alives: that is keepalivesoff's to
// report, and the pool is none.
func isOff(pass *analysis.Pass, c *code.Code, v ssa.Value) bool {
	a, ok := v.(*ssa.Alloc)
	if !ok {
		return false
	}
	lit := c.Literal(a)
	if lit == nil {
		return false
	}
	off := code.Field(lit, "DisableKeepAlives")
	return off != nil && code.IsTrue(pass.TypesInfo, off.Value)
}

// isBound reports whether a literal has a dialer with an address of its own: its
// connections are not for others.
func isBound(c *code.Code, v ssa.Value) (is bool) {
	a, ok := v.(*ssa.Alloc)
	if !ok {
		return false
	}
	lit := c.Literal(a)
	if lit == nil {
		return false
	}
	ast.Inspect(lit, func(n ast.Node) bool {
		if inner, ok := n.(*ast.CompositeLit); ok && code.Field(inner, "LocalAddr") != nil {
			is = true
		}
		return !is
	})
	return is
}

func advice(in ssa.Instruction) string {
	if code.InLoop(in) {
		return "make it once, before the loop"
	}
	f := in.Parent()
	for f.Parent() != nil {
		f = f.Parent()
	}
	if recv := f.Signature.Recv(); recv != nil {
		t := types.Unalias(recv.Type())
		if p, ok := t.(*types.Pointer); ok {
			t = types.Unalias(p.Elem())
		}
		if n, ok := t.(*types.Named); ok {
			return "make it once: move it to a package variable or a field of " + n.Obj().Name()
		}
	}
	return "make it once: move it to a package variable"
}
