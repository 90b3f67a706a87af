// Package idleperhost finds pools that keep too few connections for what uses them.
package idleperhost

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

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
and requests over the default transport from goroutines that a loop starts by number.`

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

func run(pass *analysis.Pass) (any, error) {
	if !code.Imports(pass.Pkg, "net/http") {
		return nil, nil
	}
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	again := pass.ResultOf[newtransport.Analyzer].(*newtransport.Result).Reported
	in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	for cur := range in.Root().Preorder((*ast.CompositeLit)(nil)) {
		lit := cur.Node().(*ast.CompositeLit)
		if code.Named(pass.TypesInfo.TypeOf(lit), "net/http", "Transport") && !c.IsTest(lit.Pos()) && !again[lit.Lbrace] {
			forgotten(pass, lit)
		}
	}
	for _, f := range c.Funcs {
		crowds(pass, c, f)
	}
	return nil, nil
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
	if all == nil || assigned(pass, lit) {
		return
	}
	n := number(pass, all.Value)
	if n >= 0 && n <= kept {
		return
	}
	text := types.ExprString(all.Value)
	code.Reports(pass, code.Report{
		Pos: all.Pos(), End: all.End(),
		What:    fmt.Sprintf("MaxIdleConns is %s, but MaxIdleConnsPerHost is not set: %d idle connections a host are kept", text, kept),
		Do:      "set MaxIdleConnsPerHost too, to as many requests as run to one host at once",
		FixName: "set MaxIdleConnsPerHost",
		Fix:     []analysis.TextEdit{{Pos: all.Pos(), End: all.Pos(), NewText: []byte("MaxIdleConnsPerHost: " + text + ",\n")}},
	})
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

// assigned reports whether the file sets the field of some Transport by assignment.
func assigned(pass *analysis.Pass, lit *ast.CompositeLit) (is bool) {
	for _, f := range pass.Files {
		if lit.Pos() < f.FileStart || lit.Pos() >= f.FileEnd {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.AssignStmt); ok {
				for _, lhs := range s.Lhs {
					sel, ok := lhs.(*ast.SelectorExpr)
					is = is || ok && sel.Sel.Name == "MaxIdleConnsPerHost"
				}
			}
			return true
		})
	}
	return is
}

// crowds finds requests over the default transport from goroutines of a loop that
// counts: one that ranges over addresses has each go to another host.
func crowds(pass *analysis.Pass, c *code.Code, f *ssa.Function) {
	for in, common := range code.Calls(f) {
		if c.IsTest(in.Pos()) || !code.InLoop(in) {
			continue
		}
		lit := started(in, common)
		if lit == nil {
			continue
		}
		n := turns(in.Block())
		if n == 0 {
			continue
		}
		request := overDefault(lit)
		if request == nil || n > 0 && n <= kept {
			continue
		}
		many := "many goroutines"
		if n > 0 {
			many = fmt.Sprintf("%d goroutines", n)
		}
		code.Reports(pass, code.Report{
			Pos: request.Pos(), End: request.Pos(),
			What: fmt.Sprintf("%s use the default transport, which keeps %d idle connections a host", many, kept),
			Do:   "use a client whose Transport has MaxIdleConnsPerHost as large as they are many",
		})
	}
}

// started is the literal that a call starts as a goroutine: go, WaitGroup.Go,
// errgroup's.
func started(in ssa.CallInstruction, common *ssa.CallCommon) *ssa.Function {
	v := common.Value
	if _, ok := in.(*ssa.Go); !ok {
		switch code.FullName(code.Callee(common)) {
		case "(sync.WaitGroup).Go", "(golang.org/x/sync/errgroup.Group).Go":
			v = common.Args[len(common.Args)-1]
		default:
			return nil
		}
	}
	switch v := v.(type) {
	case *ssa.MakeClosure:
		return v.Fn.(*ssa.Function)
	case *ssa.Function:
		if v.Blocks != nil {
			return v
		}
	}
	return nil
}

// turns is how often the loop around a block runs, by the number that it counts to:
// -1 where that is not a constant, 0 if it does not count.
func turns(b *ssa.BasicBlock) int64 {
	for at := b.Idom(); at != nil; at = at.Idom() {
		test, ok := at.Instrs[len(at.Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		op, ok := test.Cond.(*ssa.BinOp)
		if !ok || op.Op != token.LSS && op.Op != token.LEQ {
			continue
		}
		if call, ok := op.Y.(*ssa.Call); ok {
			if b, ok := call.Call.Value.(*ssa.Builtin); ok && b.Name() == "len" {
				return 0 // over a slice
			}
		}
		if n, ok := op.Y.(*ssa.Const); ok {
			return n.Int64()
		}
		if basic, ok := op.Y.Type().Underlying().(*types.Basic); ok && basic.Info()&types.IsInteger != 0 {
			return -1
		}
	}
	return 0
}

// overDefault is a request in f over http.DefaultClient, or nil.
func overDefault(f *ssa.Function) ssa.Instruction {
	for in, common := range code.Calls(f) {
		switch code.FullName(code.Callee(common)) {
		case "net/http.Get", "net/http.Post", "net/http.PostForm", "net/http.Head":
			return in
		case "(net/http.Client).Do", "(net/http.Client).Get", "(net/http.Client).Post", "(net/http.Client).PostForm":
			load, ok := common.Args[0].(*ssa.UnOp)
			if !ok {
				continue
			}
			if g, ok := load.X.(*ssa.Global); ok && g.Name() == "DefaultClient" && g.Pkg.Pkg.Path() == "net/http" {
				return in
			}
		}
	}
	return nil
}
