// Package newtransport finds pools of connections that are made again and again.
package newtransport

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"reflect"
	"slices"

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
which uses http.DefaultTransport. So is one in a loop that comes back only where there
was an error, to try the next; one with a proxy that the caller gives, or that
is another in each turn, one that dials unix sockets, or nothing that net dials, and
one for what is asked again only when it is no longer good, as a token in a field, or
not in a cache, or when something else failed; and so are those of goroutines that a
program starts all at once, one for each of what there is. A
function that returns a new one is known as such wherever it is called, in other
packages too, and so is an interface's method, if it is one of each type there. In
tests, only benchmarks are looked at.`

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
	Brief    []ast.Node               // functions that make a pool for one call, theirs or their caller's
	New      []code.Source            // pools that keep connections, and are made each time where they are
}

// IsNew is the fact of a function that it returns a new pool each time, or sometimes.
type IsNew struct {
	What      string
	Sometimes bool
	Off       bool // it keeps no connections
	Other     bool // its connections are none that net dials by TCP
}

// AFact makes it one.
func (*IsNew) AFact() {}

// String is for tests.
func (n *IsNew) String() string {
	what := "returns a new " + n.What
	if n.Sometimes {
		what = "sometimes " + what
	}
	if n.Off {
		what += " without keep-alives"
	}
	if n.Other {
		what += " with connections of its own"
	}
	return what
}

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	table := pools.Of(true)
	fact := func(fn *types.Func) (n IsNew) {
		pass.ImportObjectFact(fn.Origin(), &n)
		return n
	}
	made := func(fn *types.Func) string {
		if n := fact(fn); !n.Sometimes {
			return n.What
		}
		return ""
	}
	for findMakers(pass, c, table, fact) {
	}
	result := &Result{MayMake: func(fn *types.Func) string { return fact(fn).What }, Reported: map[token.Pos]bool{}}
	names := map[string]bool{}
	funcs := map[*types.Func]*ssa.Function{}
	for _, f := range c.Funcs {
		if fn, ok := f.Object().(*types.Func); ok {
			funcs[fn] = f
		}
	}
	for _, f := range c.Funcs {
		for _, s := range c.Sources(f, table, made) {
			if !c.Follow(s.Value).Outlives() {
				result.Brief = append(result.Brief, code.Outermost(s.In.Parent()).Syntax())
				if maker := funcs[s.Fn]; maker != nil {
					result.Brief = append(result.Brief, maker.Syntax())
				}
			}
			if s.Fn != nil && fact(s.Fn).Off || isOff(s.Value) || closesAll(s.In.Parent()) {
				continue // none is kept, and keepalivesoff tells of it where it is to be told
			}
			if s.Fn != nil && fact(s.Fn).Other || dialsOther(pass, c, s.Value) {
				continue
			}
			if !isBound(s.Value) && !hasOwnWay(c, s.Value) {
				result.New = append(result.New, s)
			}
			if check(pass, c, names, s) {
				result.Reported[s.In.Pos()] = true
			}
		}
	}
	return result, nil
}

// findMakers exports the fact of those functions that it finds to return something
// new, and reports whether there were any: which may show others.
func findMakers(pass *analysis.Pass, c *code.Code, table *pools.Table, fact func(*types.Func) IsNew) (found bool) {
	mayMake := func(fn *types.Func) string { return fact(fn).What }
	for _, f := range c.Funcs {
		fn, ok := f.Object().(*types.Func)
		if !ok || mayMake(fn) != "" || !returnsPool(f.Signature) {
			continue
		}
		for _, s := range c.Sources(f, table, mayMake) {
			flow := c.Follow(s.Value)
			if !flow.Returned || flow.Kept || isBound(s.Value) {
				continue
			}
			n := &IsNew{What: s.What, Sometimes: !c.ReturnsOnly(f, s.Value), Off: s.Off || isOff(s.Value), Other: dialsOther(pass, c, s.Value)}
			if s.Fn != nil {
				of := fact(s.Fn)
				n.Sometimes, n.Off, n.Other = n.Sometimes || of.Sometimes, n.Off || of.Off, of.Other
			}
			pass.ExportObjectFact(fn, n)
			if !n.Sometimes {
				c.SetFresh(fn)
			}
			found = true
			break
		}
	}
	return findInterfaces(pass, c, fact) || found
}

// findInterfaces exports the fact of the methods of the package's interfaces that is one of
// all its types that have them.
func findInterfaces(pass *analysis.Pass, c *code.Code, fact func(*types.Func) IsNew) (found bool) {
	for method, all := range c.Implemented() {
		if fact(method).What != "" || slices.ContainsFunc(all, func(fn *types.Func) bool { return fact(fn).What == "" }) {
			continue
		}
		n := fact(all[0])
		for _, fn := range all[1:] {
			of := fact(fn)
			n.Sometimes, n.Off, n.Other = n.Sometimes || of.Sometimes, n.Off || of.Off, n.Other || of.Other
		}
		pass.ExportObjectFact(method, &n)
		if !n.Sometimes {
			c.SetFresh(method)
		}
		found = true
	}
	return found
}

// returnsPool reports whether a function's results are a pool for HTTP, rather than
// something that has one.
func returnsPool(sig *types.Signature) bool {
	for v := range sig.Results().Variables() {
		if code.IsPool(v.Type()) {
			return true
		}
	}
	return false
}

// check reports a pool that is made again and again, and whether it is one. names are
// of the variables that fixes make.
func check(pass *analysis.Pass, c *code.Code, names map[string]bool, s code.Source) bool {
	often := c.Often(s.In)
	if !often.Yes() || s.Off && !often.Serves() || isBound(s.Value) || c.IsTest(s.In.Pos()) && !isBenchmark(s.In.Parent()) {
		return false
	}
	flow := c.Follow(s.Value)
	if flow.Outlives() || !flow.Used || flow.Looped && !code.InLoop(s.In) || hasOwnWay(c, s.Value) {
		return false
	}
	what := "a new " + s.What
	if s.Fn != nil {
		what += ", from " + s.Fn.Name() + ","
	}
	lost := ": its connections are never reused"
	if s.Off {
		lost = ": it keeps no connections alive, and each request makes one"
	}
	r := code.Report{Pos: s.In.Pos(), End: s.In.Pos(), What: what + " " + often.String() + lost, Do: advice(s.In, often), ByCall: often.ByCall()}
	if s.Off {
		r.Do += ", with keep-alives: cleanhttp's are called pooled"
	} else {
		fix(pass, c, names, s, &r)
	}
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

// isOff reports whether a Transport is made to keep no connections: that is
// keepalivesoff's to report, and the pool is none.
func isOff(v ssa.Value) bool {
	if !code.Named(v.Type(), "net/http", "Transport") {
		return false
	}
	for name, set := range code.Set(v) {
		val, ok := set.(*ssa.Const)
		if !ok || val.Value == nil {
			continue
		}
		switch name {
		case "DisableKeepAlives":
			return constant.BoolVal(val.Value)
		case "MaxIdleConnsPerHost":
			if constant.Sign(val.Value) < 0 {
				return true
			}
		}
	}
	return false
}

// closesAll reports whether a function has its requests close their connections.
func closesAll(f *ssa.Function) bool {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			s, ok := in.(*ssa.Store)
			if !ok {
				continue
			}
			field, ok := s.Addr.(*ssa.FieldAddr)
			if !ok || !code.Named(field.X.Type(), "net/http", "Request") || code.FieldName(field) != "Close" {
				continue
			}
			if val, ok := s.Val.(*ssa.Const); ok && constant.BoolVal(val.Value) {
				return true
			}
		}
	}
	return false
}

// isBound reports whether a Transport is made beside a dialer with an address of its
// own: its connections are not for others.
func isBound(v ssa.Value) bool {
	if !code.Named(v.Type(), "net/http", "Transport") {
		return false
	}
	for _, b := range v.Parent().Blocks {
		for _, in := range b.Instrs {
			if field, ok := in.(*ssa.FieldAddr); ok && code.Named(field.X.Type(), "net", "Dialer") && code.FieldName(field) == "LocalAddr" {
				return true
			}
		}
	}
	return false
}

// hasOwnWay reports whether a Transport goes through a proxy of its own: one that the
// caller gives, or that is another in each turn.
func hasOwnWay(c *code.Code, v ssa.Value) bool {
	if !code.Named(v.Type(), "net/http", "Transport") {
		return false
	}
	for name, set := range code.Set(v) {
		call, ok := set.(*ssa.Call)
		if name != "Proxy" || !ok || code.FullName(code.Callee(call.Common())) != "net/http.ProxyURL" {
			continue
		}
		if u := call.Call.Args[0]; c.Varies(call, u) || code.HostIn(u) == code.Given {
			return true
		}
	}
	return false
}

// dialsOther reports whether a literal's connections are known to be no TCP ones that it
// dials: unix sockets, which have no ports, or what is given.
func dialsOther(pass *analysis.Pass, c *code.Code, v ssa.Value) bool {
	a, ok := v.(*ssa.Alloc)
	if !ok {
		return false
	}
	lit := c.Literal(a)
	return lit != nil && (code.DialsUnix(pass.TypesInfo, lit) || code.DialsOther(pass.TypesInfo, lit))
}

func advice(in ssa.Instruction, often code.Often) string {
	if code.InLoop(in) && often.ByLoop() {
		return "make it once, before the loop"
	}
	if recv := code.Outermost(in.Parent()).Signature.Recv(); recv != nil {
		if n := code.NamedOf(recv.Type()); n != nil {
			return "make it once: move it to a package variable or a field of " + n.Obj().Name()
		}
	}
	return "make it once: move it to a package variable"
}
