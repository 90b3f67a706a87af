// Package code is what the analyzers know of a package beyond its types: its
// SSA form, which of its functions run again and again, and where a value goes.
package code

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"iter"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/buildssa"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/pools"
)

// Analyzer builds the Code of a package. Of those of other modules that can't make a
// connection, and of the standard library, it is empty and costs nothing.
var Analyzer = &analysis.Analyzer{
	Name:       "berthcode",
	Doc:        "what the analyzers of berth share: SSA, and which functions run often",
	URL:        "https://pkg.go.dev/github.com/berth-go/berth/vet",
	Requires:   []*analysis.Analyzer{ctrlflow.Analyzer}, // for buildssa, which is run where it is of use
	ResultType: reflect.TypeFor[*Code](),
	FactTypes:  []analysis.Fact{new(Requests)},
	Run:        func(pass *analysis.Pass) (any, error) { return build(pass) },
}

// Code is a package.
type Code struct {
	// Funcs are the functions of its source, literals too, also those of package variables;
	// none if it is left out.
	Funcs []*ssa.Function

	pass    *analysis.Pass
	often   map[*ssa.Function]Often
	repeats map[*ssa.Function]Often
	flows   map[flowKey]Flow
	fresh   map[*types.Func]bool
	lits    map[token.Pos]*ast.CompositeLit // by their brace
	tests   map[*token.File]bool
	callers map[*ssa.Function][]ssa.CallInstruction
	given   map[*ssa.Function]bool      // to a call, as a value
	globals map[*ssa.Global][]ssa.Value // what they are set to, but by tests
	sent    []types.Type                // on channels, but by tests
	filled  map[types.Object]bool       // variables and fields that something is put into, but by tests

	isProgram bool // what it exports is its own affair
}

func build(pass *analysis.Pass) (*Code, error) {
	c := &Code{pass: pass, flows: map[flowKey]Flow{}, fresh: map[*types.Func]bool{}, tests: testFiles(pass), isProgram: isProgram(pass)}
	if !ofUse(pass) {
		return c, nil
	}
	res, err := buildssa.Analyzer.Run(pass)
	if err != nil {
		return nil, err
	}
	pkg := res.(*buildssa.SSA).Pkg
	c.Funcs = append(res.(*buildssa.SSA).SrcFuncs, literals(pkg.Func("init"))...)
	c.lits = map[token.Pos]*ast.CompositeLit{}
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				c.lits[lit.Lbrace] = lit
			}
			return true
		})
	}
	c.findUses(pkg)
	c.often = c.findOften(func(in ssa.Instruction) bool {
		call, ok := in.(*ssa.Call)
		return !(InLoop(in) && isPaced(in.Block())) && !(ok && IsKept(call)) && !c.isSeldom(in.Block())
	}, func(in ssa.Instruction) bool {
		return c.turns(in.Block()) && !(c.isProgram && startsAll(in)) && !isStartUp(in)
	})
	always := func(ssa.Instruction) bool { return true }
	c.repeats = c.findOften(always, always)
	c.findRequests()
	return c, nil
}

// literals are those in a function, and in them.
func literals(f *ssa.Function) (all []*ssa.Function) {
	for _, lit := range f.AnonFuncs {
		all = append(append(all, lit), literals(lit)...)
	}
	return all
}

// findUses notes who calls the package's functions and, but for tests, what its
// variables are set to, what it puts into them, and what it sends.
func (c *Code) findUses(pkg *ssa.Package) {
	c.callers, c.given, c.globals, c.filled = map[*ssa.Function][]ssa.CallInstruction{}, map[*ssa.Function]bool{}, map[*ssa.Global][]ssa.Value{}, map[types.Object]bool{}
	for _, f := range append(slices.Clip(c.Funcs), pkg.Func("init")) {
		for call, common := range Calls(f) {
			if callee := common.StaticCallee(); callee != nil {
				if o := callee.Origin(); o != nil {
					callee = o
				}
				c.callers[callee] = append(c.callers[callee], call)
			}
			for _, arg := range common.Args {
				if fn, ok := arg.(*ssa.Function); ok {
					c.given[fn] = true
				}
			}
		}
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				if c.IsTest(in.Pos()) {
					continue
				}
				c.sent = append(c.sent, sentBy(in)...)
				if into := putInto(in); into != nil {
					c.filled[into] = true
				}
				if s, ok := in.(*ssa.Store); ok {
					if g, ok := s.Addr.(*ssa.Global); ok {
						c.globals[g] = append(c.globals[g], s.Val)
					}
				}
			}
		}
	}
}

// Callers are the calls of a function in its package that name it.
func (c *Code) Callers(f *ssa.Function) []ssa.CallInstruction { return c.callers[f] }

// SetTo are the values that a package variable is set to, in its package, but by tests.
func (c *Code) SetTo(g *ssa.Global) []ssa.Value { return c.globals[g] }

// ofUse reports whether a package is looked at: those of the module that go vet was given,
// since a service between a handler and what it wastes may import nothing that makes
// connections; and of others, those that import something that does, or have to do with it.
func ofUse(pass *analysis.Pass) bool {
	if isStandard(pass) {
		return false
	}
	if pass.Module == nil || pass.Module.Version == "" || pools.Makes(pass.Pkg.Path()) {
		return true
	}
	return slices.ContainsFunc(pass.Pkg.Imports(), func(p *types.Package) bool { return Connects(p.Path()) })
}

// isStandard reports whether a package is the standard library's: none of its
// module's files are anybody's to change.
func isStandard(pass *analysis.Pass) bool {
	first, _, _ := strings.Cut(pass.Pkg.Path(), "/")
	return pass.Module != nil && pass.Module.Path == "std" || pass.Module == nil && !strings.Contains(first, ".") && inGoroot(pass)
}

func inGoroot(pass *analysis.Pass) bool {
	if len(pass.Files) == 0 {
		return true
	}
	name := pass.Fset.File(pass.Files[0].FileStart).Name()
	return strings.HasPrefix(name, "$GOROOT") || strings.Contains(name, "/src/"+pass.Pkg.Path()+"/") && !strings.Contains(name, "/testdata/")
}

// Literal returns the composite literal that made an Alloc, or nil.
func (c *Code) Literal(a *ssa.Alloc) *ast.CompositeLit { return c.lits[a.Pos()] }

// Named reports whether t, or what it points to, is the named type.
func Named(t types.Type, pkg, name string) bool {
	n := NamedOf(t)
	if n == nil {
		return false
	}
	obj := n.Obj()
	return obj.Name() == name && obj.Pkg() != nil && obj.Pkg().Path() == pkg
}

// NamedOf is the named type that t is, or points to, or nil.
func NamedOf(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, _ := types.Unalias(t).(*types.Named)
	return n
}

// Callee returns the function or method that a call names, or nil: of an
// interface's method, that method.
func Callee(call *ssa.CallCommon) *types.Func {
	if call.IsInvoke() {
		return call.Method
	}
	if f := call.StaticCallee(); f != nil {
		if o := f.Origin(); o != nil {
			f = o
		}
		fn, _ := f.Object().(*types.Func)
		return fn
	}
	return nil
}

// Args are a call's, behind what its method is called on, if it is one's.
func Args(call *ssa.CallCommon) []ssa.Value {
	if call.IsInvoke() {
		return append([]ssa.Value{call.Value}, call.Args...)
	}
	if m, ok := call.Value.(*ssa.MakeClosure); ok && m.Fn.(*ssa.Function).Parent() == nil { // f := x.Method
		return append([]ssa.Value{m.Bindings[0]}, call.Args...)
	}
	return call.Args
}

// FullName is a function's name as tables have it: path.Name, or (path.Type).Name
// for a method, without the star.
func FullName(fn *types.Func) string {
	if fn == nil {
		return ""
	}
	return strings.Replace(fn.Origin().FullName(), "(*", "(", 1)
}

// IsTest reports whether a position is in a test file, or in one that is there for
// tests, by its name or by what it imports: testing, or httptest.
func (c *Code) IsTest(pos token.Pos) bool {
	f := c.pass.Fset.File(pos)
	return f != nil && c.tests[f]
}

// testFiles are those for tests.
func testFiles(pass *analysis.Pass) map[*token.File]bool {
	files := map[*token.File]bool{}
	all := isForTests(pass)
	for _, f := range pass.Files {
		at := pass.Fset.File(f.Package)
		files[at] = all || strings.HasSuffix(at.Name(), "_test.go") || isMock(at.Name()) || slices.ContainsFunc(f.Imports, func(spec *ast.ImportSpec) bool {
			return spec.Path.Value == `"testing"` || spec.Path.Value == `"net/http/httptest"`
		})
	}
	return files
}

// isMock reports whether a file is one of doubles, by its name or its folder's.
func isMock(file string) bool {
	dir, name := filepath.Split(file)
	switch filepath.Base(dir) {
	case "mock", "mocks", "fake", "fakes":
		return true
	}
	return strings.Contains(name, "mock")
}

// isForTests reports whether a package is for tests, by one of its folders' names in
// its module.
func isForTests(pass *analysis.Pass) bool {
	for dir := range foldersOf(pass) {
		if strings.HasPrefix(dir, "test") || strings.HasPrefix(dir, "e2e") || strings.HasSuffix(dir, "-tests") {
			return true
		}
	}
	return false
}

// foldersOf are the folders of a package in its module.
func foldersOf(pass *analysis.Pass) iter.Seq[string] {
	path := pass.Pkg.Path()
	if pass.Module != nil {
		path = strings.TrimPrefix(path, pass.Module.Path)
	}
	return strings.SplitSeq(path, "/")
}

// Field is what a literal gives a field of a struct, or nil.
func Field(lit *ast.CompositeLit, name string) *ast.KeyValueExpr {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == name {
				return kv
			}
		}
	}
	return nil
}

// BodyOf is that of a literal, or of a function or method of the package, or nil.
func BodyOf(pass *analysis.Pass, fn ast.Expr) *ast.BlockStmt {
	var id *ast.Ident
	switch fn := ast.Unparen(fn).(type) {
	case *ast.FuncLit:
		return fn.Body
	case *ast.Ident:
		id = fn
	case *ast.SelectorExpr:
		id = fn.Sel
	default:
		return nil
	}
	for _, f := range pass.Files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && pass.TypesInfo.Defs[d.Name] == pass.TypesInfo.Uses[id] && pass.TypesInfo.Uses[id] != nil {
				return d.Body
			}
		}
	}
	return nil
}

// DeclaredAs is what a variable is set to by h := …, in a declaration, or nil.
func DeclaredAs(pass *analysis.Pass, id *ast.Ident, in ast.Node) (e ast.Expr) {
	obj := pass.TypesInfo.Uses[id]
	ast.Inspect(in, func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok && len(s.Lhs) == 1 && len(s.Rhs) == 1 {
			if left, ok := s.Lhs[0].(*ast.Ident); ok && obj != nil && pass.TypesInfo.Defs[left] == obj {
				e = s.Rhs[0]
			}
		}
		return e == nil
	})
	return e
}

// IsIdent reports whether an expression is just a name.
func IsIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// FieldName is the name of the field that an address is of, or empty where the struct is of
// a type parameter.
func FieldName(f *ssa.FieldAddr) string {
	if v := fieldVar(f); v != nil {
		return v.Name()
	}
	return ""
}

// fieldVar is the field that an address is of, or nil where the struct is of a type parameter.
func fieldVar(f *ssa.FieldAddr) *types.Var {
	p, ok := f.X.Type().Underlying().(*types.Pointer)
	if !ok {
		return nil
	}
	s, ok := p.Elem().Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	return s.Field(f.Field)
}

// Set are the fields that the struct a value points to is given, by their names.
func Set(v ssa.Value) iter.Seq2[string, ssa.Value] {
	return func(yield func(string, ssa.Value) bool) {
		if v.Referrers() == nil {
			return
		}
		for _, in := range *v.Referrers() {
			field, ok := in.(*ssa.FieldAddr)
			if !ok || field.X != v {
				continue
			}
			for _, use := range *field.Referrers() {
				if s, ok := use.(*ssa.Store); ok && s.Addr == field && !yield(FieldName(field), s.Val) {
					return
				}
			}
		}
	}
}

// IsTrue reports whether an expression is true whenever it is evaluated.
func IsTrue(info *types.Info, e ast.Expr) bool {
	v := info.Types[e].Value
	return v != nil && v.Kind() == constant.Bool && constant.BoolVal(v)
}

// Calls are the calls in f, deferred and started ones too.
func Calls(f *ssa.Function) iter.Seq2[ssa.CallInstruction, *ssa.CallCommon] {
	return func(yield func(ssa.CallInstruction, *ssa.CallCommon) bool) {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				if call, ok := in.(ssa.CallInstruction); ok && !yield(call, call.Common()) {
					return
				}
			}
		}
	}
}

// IsRequest reports whether a function makes an HTTP request over net/http.
func IsRequest(fn *types.Func) bool {
	switch FullName(fn) {
	case "(net/http.Client).Do", "(net/http.Client).Get", "(net/http.Client).Head", "(net/http.Client).Post", "(net/http.Client).PostForm",
		"(net/http.Transport).RoundTrip", "(net/http.RoundTripper).RoundTrip",
		"net/http.Get", "net/http.Head", "net/http.Post", "net/http.PostForm":
		return true
	}
	return false
}

// OnError reports whether a block is reached only where an error is not nil.
func OnError(b *ssa.BasicBlock) bool {
	for ; b != nil; b = around(b) {
		p := b.Idom()
		if p == nil || len(b.Preds) != 1 {
			continue
		}
		test, ok := p.Instrs[len(p.Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		if isErr, at := errTest(test); isErr && p.Succs[at] == b {
			return true
		}
	}
	return false
}

// IsAlways reports whether each call of a function that does not fail comes through
// one of some of its blocks.
func IsAlways(blocks ...*ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{}
	for _, b := range blocks {
		seen[b] = true
	}
	var avoids func(at *ssa.BasicBlock) bool
	avoids = func(at *ssa.BasicBlock) bool {
		if seen[at] {
			return false
		}
		seen[at] = true
		if ret, ok := at.Instrs[len(at.Instrs)-1].(*ssa.Return); ok {
			return !returnsError(ret)
		}
		return slices.ContainsFunc(unfailed(at), avoids)
	}
	return !avoids(blocks[0].Parent().Blocks[0])
}

// errTest reports whether an If is about an error, and which of its successors is
// for when there is one.
func errTest(test *ssa.If) (isErr bool, at int) {
	op, ok := test.Cond.(*ssa.BinOp)
	if !ok || !IsError(op.X.Type()) && !IsError(op.Y.Type()) || !IsNil(op.X) && !IsNil(op.Y) {
		return false, 0 // io.EOF is one that is expected
	}
	switch op.Op {
	case token.NEQ:
		return true, 0
	case token.EQL:
		return true, 1
	}
	return false, 0
}

// IsNil reports whether a value is the constant nil.
func IsNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.IsNil()
}

// IsError reports whether t is error.
func IsError(t types.Type) bool {
	return types.Identical(t, types.Universe.Lookup("error").Type())
}

// Imports reports whether a package imports the path.
func Imports(pkg *types.Package, path string) bool {
	for _, p := range pkg.Imports() {
		if p.Path() == path {
			return true
		}
	}
	return false
}
