// Package localaddr finds dialers that take their ports from one budget for all
// destinations.
package localaddr

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/berth-go/berth/vet/internal/code"
)

const doc = `find a Dialer.LocalAddr that spends ports for all destinations

net.Dialer binds to LocalAddr before it connects, and bind takes a port that no other
connection can have then, whatever its destination: one range for all of them, where
connect alone would have one for each (inet_csk_find_open_port, against
__inet_hash_connect). On Linux, a Control that sets IP_BIND_ADDRESS_NO_PORT has
connect choose the port.

Reported is a *net.TCPAddr with an address and without a port, in a Dialer that has
neither Control nor ControlContext, or one that is seen to set other options and not
this one. In tests it is fine.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:     "localaddr",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/berth-go/berth/vet/localaddr",
	Requires: []*analysis.Analyzer{inspect.Analyzer, code.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	if !code.Imports(pass.Pkg, "net") {
		return nil, nil
	}
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	in.WithStack([]ast.Node{(*ast.CompositeLit)(nil), (*ast.AssignStmt)(nil)}, func(n ast.Node, push bool, stack []ast.Node) bool {
		if !push {
			return true
		}
		if c.IsTest(n.Pos()) {
			return false
		}
		switch n := n.(type) {
		case *ast.CompositeLit:
			if code.Named(pass.TypesInfo.TypeOf(n), "net", "Dialer") {
				literal(pass, n, stack)
			}
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				sel, ok := lhs.(*ast.SelectorExpr)
				if ok && sel.Sel.Name == "LocalAddr" && len(n.Rhs) == len(n.Lhs) && code.Named(pass.TypesInfo.TypeOf(sel.X), "net", "Dialer") {
					report(pass, n, n.Rhs[i], stack)
				}
			}
		}
		return true
	})
	return nil, nil
}

func literal(pass *analysis.Pass, lit *ast.CompositeLit, stack []ast.Node) {
	addr := code.Field(lit, "LocalAddr")
	if addr == nil {
		return
	}
	for _, name := range controls {
		if kv := code.Field(lit, name); kv != nil && mayBindLate(pass, kv.Value) {
			return
		}
	}
	report(pass, addr.Value, addr.Value, stack)
}

func report(pass *analysis.Pass, at ast.Node, addr ast.Expr, stack []ast.Node) {
	if !isTCP(pass, addr, stack) || setsControl(pass, stack) || reachesOne(pass, at, stack) {
		return
	}
	code.Reports(pass, code.Report{
		Pos: at.Pos(), End: at.End(),
		What: "LocalAddr without IP_BIND_ADDRESS_NO_PORT: all destinations share one range of ports",
		Do:   "set IP_BIND_ADDRESS_NO_PORT in Control, on Linux, or use berth.Transport's LocalAddrs",
	})
}

// isTCP reports whether addr is a *net.TCPAddr that has an address and no port, as
// far as can be seen.
func isTCP(pass *analysis.Pass, addr ast.Expr, stack []ast.Node) bool {
	addr = ast.Unparen(addr)
	if id, ok := addr.(*ast.Ident); ok {
		if given := definition(pass, id, stack); given != nil {
			addr = given
		}
	}
	if call, ok := addr.(*ast.CallExpr); ok {
		if given := returned(pass, call); given != nil {
			addr = given
		}
	}
	if call, ok := addr.(*ast.CallExpr); ok && hasNoPort(pass, call) {
		return true
	}
	if !code.Named(pass.TypesInfo.TypeOf(addr), "net", "TCPAddr") {
		return false
	}
	u, ok := addr.(*ast.UnaryExpr)
	if !ok {
		return false // its port is not known
	}
	lit, ok := u.X.(*ast.CompositeLit)
	if !ok {
		return false
	}
	if len(lit.Elts) > 0 {
		if _, keyed := lit.Elts[0].(*ast.KeyValueExpr); !keyed {
			return true
		}
	}
	ip, port := code.Field(lit, "IP"), code.Field(lit, "Port")
	if port != nil {
		if !isConst(pass, port.Value, "0") {
			return false
		}
	}
	return ip != nil && !isConversion(pass, ip.Value)
}

// hasNoPort reports whether a call makes a TCP address of one, and of port 0, as
// net.ResolveTCPAddr("tcp", ip+":0") does.
func hasNoPort(pass *analysis.Pass, call *ast.CallExpr) bool {
	isCall := func(e ast.Expr, name string) (*ast.CallExpr, bool) {
		c, ok := ast.Unparen(e).(*ast.CallExpr)
		return c, ok && code.FullName(typeutil.StaticCallee(pass.TypesInfo, c)) == name
	}
	if _, ok := isCall(call, "net.TCPAddrFromAddrPort"); ok {
		from, ok := isCall(call.Args[0], "net/netip.AddrPortFrom")
		return ok && isConst(pass, from.Args[1], "0")
	}
	if _, ok := isCall(call, "net.ResolveTCPAddr"); !ok {
		return false
	}
	if join, ok := isCall(call.Args[1], "net.JoinHostPort"); ok {
		return isConst(pass, join.Args[1], `"0"`)
	}
	sum, ok := ast.Unparen(call.Args[1]).(*ast.BinaryExpr)
	return ok && sum.Op == token.ADD && isConst(pass, sum.Y, `":0"`)
}

// isConst reports whether an expression has a value whenever it is evaluated, as it would
// be written.
func isConst(pass *analysis.Pass, e ast.Expr, value string) bool {
	v := pass.TypesInfo.Types[e].Value
	return v != nil && v.ExactString() == value
}

// isConversion reports whether an IP is the bytes of a text, which are no address.
func isConversion(pass *analysis.Pass, e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 || !pass.TypesInfo.Types[call.Fun].IsType() {
		return false
	}
	basic, ok := pass.TypesInfo.TypeOf(call.Args[0]).Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsString != 0
}

// reachesOne reports whether the dialer is given to a proxy's constructor, as those
// of golang.org/x/net/proxy: then it has one destination, to which LocalAddr takes no
// more ports than connect would.
func reachesOne(pass *analysis.Pass, at ast.Node, stack []ast.Node) (one bool) {
	var dialer types.Object
	for i := len(stack) - 1; i >= 0; i-- {
		if a, ok := stack[i].(*ast.AssignStmt); ok && len(a.Lhs) == 1 {
			if id, ok := a.Lhs[0].(*ast.Ident); ok {
				if dialer = pass.TypesInfo.Defs[id]; dialer == nil {
					dialer = pass.TypesInfo.Uses[id]
				}
			}
			break
		}
	}
	body := bodyAround(stack)
	if body == nil {
		return false
	}
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "SOCKS5" && sel.Sel.Name != "FromURL" {
			return true
		}
		for _, arg := range call.Args {
			id, ok := arg.(*ast.Ident)
			one = one || arg.Pos() <= at.Pos() && at.End() <= arg.End() || ok && dialer != nil && pass.TypesInfo.Uses[id] == dialer
		}
		return true
	})
	return one
}

// definition is what a local variable was last given, where that is one value only.
func definition(pass *analysis.Pass, id *ast.Ident, stack []ast.Node) (given ast.Expr) {
	obj, ok := pass.TypesInfo.Uses[id].(*types.Var)
	if !ok {
		return nil
	}
	body := bodyAround(stack)
	if body == nil {
		return nil
	}
	n := 0
	assignments(body, func(lhs, rhs []ast.Expr) {
		for i, left := range lhs {
			l, ok := left.(*ast.Ident)
			if ok && (len(lhs) == len(rhs) || len(rhs) == 1 && i == 0) && (pass.TypesInfo.Defs[l] == obj || pass.TypesInfo.Uses[l] == obj) {
				given = rhs[i]
				n++
			}
		}
	})
	if n != 1 {
		return nil
	}
	return given
}

// returned is what a function or method of this package returns, where that is all it does.
func returned(pass *analysis.Pass, call *ast.CallExpr) ast.Expr {
	if len(call.Args) > 0 && code.IsIdent(call.Args[0], "nil") {
		return nil
	}
	body := code.BodyOf(pass, call.Fun)
	if body == nil || len(body.List) != 1 {
		return nil
	}
	if ret, ok := body.List[0].(*ast.ReturnStmt); ok && len(ret.Results) == 1 {
		return ret.Results[0]
	}
	return nil
}

// bodyAround is that of the outermost function, or nil.
func bodyAround(stack []ast.Node) *ast.BlockStmt {
	for _, n := range stack {
		if f, ok := n.(*ast.FuncDecl); ok {
			return f.Body
		}
	}
	return nil
}

// assignments visits those of a function, and what its variables are declared with.
func assignments(body *ast.BlockStmt, visit func(lhs, rhs []ast.Expr)) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			visit(n.Lhs, n.Rhs)
		case *ast.ValueSpec:
			names := make([]ast.Expr, len(n.Names))
			for i, name := range n.Names {
				names[i] = name
			}
			visit(names, n.Values)
		}
		return true
	})
}
