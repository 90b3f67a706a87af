// Package keepalivesoff finds where a connection is used for one request only.
package keepalivesoff

import (
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"

	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/newtransport"
)

const doc = `find keep-alives that are switched off

DisableKeepAlives, Request.Close and a header "Connection: close" have a connection
closed after one request, and a new one made for the next. It is meant where a
server can't bear a second request, or where there is no next.

In tests, where a server is to be rid of its clients, they are fine. So they are where
a comment says why, before them or above their function, or a condition says when;
beside a Proxy, which is asked once a connection, but for the environment's; and in a
function that makes a Transport which does not outlive the call, and would leave its
connections behind, or that dials unix sockets. A request that is written to a connection
by hand, one whose literal is in a function that makes a client for it, and a Transport
with a literal that dials by other means than net's, or with a function of its package
that binds what it dials to an address or an interface, are left alone; and so is what
asks a cloud's metadata service, which is no farther than the machine's own network and
is asked seldom.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:     "keepalivesoff",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/berth-go/berth/vet/keepalivesoff",
	Requires: []*analysis.Analyzer{inspect.Analyzer, code.Analyzer, newtransport.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	if !code.Imports(pass.Pkg, "net/http") {
		return nil, nil
	}
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	brief := pass.ResultOf[newtransport.Analyzer].(*newtransport.Result).Brief
	in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	nodes := []ast.Node{(*ast.CompositeLit)(nil), (*ast.AssignStmt)(nil), (*ast.CallExpr)(nil)}
	in.WithStack(nodes, func(n ast.Node, push bool, stack []ast.Node) bool {
		if !push {
			return true
		}
		if c.IsTest(n.Pos()) {
			return false
		}
		r, ok := report(pass, n, stack)
		if ok && !isExplained(pass, n, stack) && !makesPool(brief, stack) && !dialsUnix(pass, stack) && !asksMetadata(pass, stack) {
			code.Reports(pass, r)
		}
		return true
	})
	return nil, nil
}

// report is what there is to say of a node, unless there is a reason for it.
func report(pass *analysis.Pass, n ast.Node, stack []ast.Node) (r code.Report, ok bool) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if code.Named(pass.TypesInfo.TypeOf(n), "net/http", "Request") {
			return request(pass, n, stack)
		}
		return literal(pass, n)
	case *ast.AssignStmt:
		return assignment(pass, n, stack)
	case *ast.CallExpr:
		return header(pass, n, stack)
	}
	return r, false
}

const (
	offWhat   = "keep-alives are off: every request makes a connection"
	offDo     = "delete it, and close bodies: connections are used again"
	closeWhat = "the connection is closed after this request, and the next one makes another"
)

// literal is http.Transport{DisableKeepAlives: true}.
func literal(pass *analysis.Pass, lit *ast.CompositeLit) (r code.Report, ok bool) {
	if !isTransport(pass.TypesInfo.TypeOf(lit)) || hasProxy(pass, lit) || code.DialsOther(pass.TypesInfo, lit) || bindsDials(pass, lit) {
		return r, false
	}
	off := code.Field(lit, "DisableKeepAlives")
	if off == nil || !code.IsTrue(pass.TypesInfo, off.Value) {
		return r, false
	}
	r = code.Report{Pos: off.Pos(), End: off.End(), What: offWhat, Do: offDo}
	if cut, ok := cut(pass, lit, off); ok {
		r.FixName, r.Fix = "delete the field", []analysis.TextEdit{cut}
	}
	return r, true
}

// request is &http.Request{Close: true}, or with a header that says so: but in a function
// that makes a client for it, as who loads one file does.
func request(pass *analysis.Pass, lit *ast.CompositeLit, stack []ast.Node) (r code.Report, ok bool) {
	closes := code.Field(lit, "Close")
	if closes != nil && !code.IsTrue(pass.TypesInfo, closes.Value) {
		closes = nil
	}
	if h := code.Field(lit, "Header"); h != nil && saysClose(pass, h.Value) {
		closes = h
	}
	if closes == nil || makesClient(pass, stack) {
		return r, false
	}
	return code.Report{Pos: closes.Pos(), End: closes.End(), What: closeWhat, Do: offDo}, true
}

// makesClient reports whether the declaration around makes a client.
func makesClient(pass *analysis.Pass, stack []ast.Node) (does bool) {
	ast.Inspect(stack[min(1, len(stack)-1)], func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		does = does || ok && code.Named(pass.TypesInfo.TypeOf(lit), "net/http", "Client")
		return !does
	})
	return does
}

// saysClose reports whether an expression is a header with "Connection: close".
func saysClose(pass *analysis.Pass, header ast.Expr) bool {
	lit, ok := ast.Unparen(header).(*ast.CompositeLit)
	return ok && slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool {
		kv, ok := e.(*ast.KeyValueExpr)
		return ok && isText(pass, kv.Key, "connection") && isClose(pass, kv.Value)
	})
}

// isClose reports whether an expression is []string{"close"}.
func isClose(pass *analysis.Pass, values ast.Expr) bool {
	lit, ok := values.(*ast.CompositeLit)
	return ok && len(lit.Elts) == 1 && isText(pass, lit.Elts[0], "close")
}

// cut is the edit that takes a field out of a literal, and no other's comment with it.
func cut(pass *analysis.Pass, lit *ast.CompositeLit, off ast.Expr) (e analysis.TextEdit, ok bool) {
	if e, ok := code.DeleteLine(pass, off); ok {
		return e, true
	}
	e = analysis.TextEdit{Pos: off.Pos(), End: lit.Rbrace}
	switch i := slices.Index(lit.Elts, off); {
	case i+1 < len(lit.Elts):
		e.End = lit.Elts[i+1].Pos()
	case i > 0:
		e = analysis.TextEdit{Pos: lit.Elts[i-1].End(), End: off.End()}
	}
	return e, !code.HasComment(pass, e)
}

// hasProxy reports whether a Transport has a Proxy, which may be another for each
// connection: the environment's is not.
func hasProxy(pass *analysis.Pass, lit *ast.CompositeLit) bool {
	proxy := code.Field(lit, "Proxy")
	return proxy != nil && !isEnvironments(pass, proxy.Value)
}

func isEnvironments(pass *analysis.Pass, proxy ast.Expr) bool {
	sel, ok := proxy.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, _ := pass.TypesInfo.Uses[sel.Sel].(*types.Func)
	return code.FullName(fn) == "net/http.ProxyFromEnvironment"
}

// assignment is t.DisableKeepAlives = true, and req.Close = true of a request that
// is to be made, or one of its header.
func assignment(pass *analysis.Pass, s *ast.AssignStmt, stack []ast.Node) (r code.Report, ok bool) {
	if len(s.Lhs) != 1 || len(s.Rhs) != 1 {
		return r, false
	}
	header := s.Lhs[0]
	says := saysClose(pass, s.Rhs[0])
	if at, ok := header.(*ast.IndexExpr); ok {
		header = at.X
		says = isText(pass, at.Index, "connection") && isClose(pass, s.Rhs[0])
	}
	if says {
		return code.Report{Pos: s.Pos(), End: s.End(), What: closeWhat, Do: offDo}, isToMake(pass, header, stack)
	}
	if !code.IsTrue(pass.TypesInfo, s.Rhs[0]) {
		return r, false
	}
	sel, ok := s.Lhs[0].(*ast.SelectorExpr)
	if !ok || setsProxy(pass, stack) {
		return r, false
	}
	r = code.Report{
		Pos: s.Pos(), End: s.End(), Do: offDo,
		FixName: "delete the assignment", Fix: []analysis.TextEdit{{Pos: s.Pos(), End: s.End()}},
	}
	switch t := pass.TypesInfo.TypeOf(sel.X); {
	case sel.Sel.Name == "DisableKeepAlives" && isTransport(t):
		r.What = offWhat
	case sel.Sel.Name == "Close" && code.Named(t, "net/http", "Request") && !isServed(pass, sel.X, stack):
		r.What = closeWhat
	}
	if line, ok := code.DeleteLine(pass, s); ok {
		r.Fix[0] = line
	}
	return r, r.What != ""
}

// header is req.Header.Set("Connection", "close").
func header(pass *analysis.Pass, call *ast.CallExpr, stack []ast.Node) (r code.Report, ok bool) {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) != 2 || fun.Sel.Name != "Set" && fun.Sel.Name != "Add" {
		return r, false
	}
	r = code.Report{Pos: call.Pos(), End: call.End(), What: closeWhat, Do: offDo}
	return r, isText(pass, call.Args[0], "connection") && isText(pass, call.Args[1], "close") && isToMake(pass, fun.X, stack)
}

// isToMake reports whether an expression is the header of a request that is to be made by
// net/http, or a variable that is set to one where it is declared.
func isToMake(pass *analysis.Pass, header ast.Expr, stack []ast.Node) bool {
	header = ast.Unparen(header)
	if id, ok := header.(*ast.Ident); ok {
		header = code.DeclaredAs(pass, id, stack[min(1, len(stack)-1)])
	}
	field, ok := header.(*ast.SelectorExpr)
	return ok && field.Sel.Name == "Header" && code.Named(pass.TypesInfo.TypeOf(field.X), "net/http", "Request") &&
		!isServed(pass, field.X, stack) && !isWritten(pass, field.X, stack)
}

// makesPool reports whether the function around makes a pool for a call of it: then
// nothing is lost with its connections.
func makesPool(brief []ast.Node, stack []ast.Node) bool {
	return slices.ContainsFunc(stack, func(n ast.Node) bool { return slices.Contains(brief, n) })
}

// dialsUnix reports whether the function around has to do with unix sockets.
func dialsUnix(pass *analysis.Pass, stack []ast.Node) bool {
	return slices.ContainsFunc(stack, func(n ast.Node) bool {
		f, ok := n.(*ast.FuncDecl)
		return ok && code.DialsUnix(pass.TypesInfo, f)
	})
}

// bindsDials reports whether a Transport dials by a function of its package that makes
// a Dialer with a Control or a LocalAddr, which may be others for each connection: one
// to the same host is not the same then.
func bindsDials(pass *analysis.Pass, lit *ast.CompositeLit) bool {
	for _, name := range []string{"DialContext", "Dial"} {
		dial := code.Field(lit, name)
		if dial == nil {
			continue
		}
		body := code.BodyOf(pass, dial.Value)
		if body == nil {
			continue
		}
		binds := false
		ast.Inspect(body, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && code.Named(pass.TypesInfo.TypeOf(lit), "net", "Dialer") {
				binds = binds || code.Field(lit, "Control") != nil || code.Field(lit, "ControlContext") != nil || code.Field(lit, "LocalAddr") != nil
			}
			return !binds
		})
		if binds {
			return true
		}
	}
	return false
}

// asksMetadata reports whether the declaration around names the address that clouds
// have for a machine's metadata.
func asksMetadata(pass *analysis.Pass, stack []ast.Node) (does bool) {
	ast.Inspect(stack[min(1, len(stack)-1)], func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok {
			v := pass.TypesInfo.Types[e].Value
			does = does || v != nil && v.Kind() == constant.String && strings.Contains(constant.StringVal(v), "169.254.169.254")
		}
		return !does
	})
	return does
}

// isExplained reports whether what a node does is done on a condition, or has a
// comment that says why: in its line, the one above, or above its function.
func isExplained(pass *analysis.Pass, n ast.Node, stack []ast.Node) bool {
	for i := len(stack) - 1; i > 0; i-- {
		switch outer := stack[i-1].(type) {
		case *ast.FuncDecl:
			return namesKeepAlives(outer) || isCommented(pass, n)
		case *ast.FuncLit:
			return isCommented(pass, n)
		case *ast.IfStmt:
			if (stack[i] == outer.Body || stack[i] == outer.Else) && !isNilTest(outer.Cond) {
				return true
			}
		case *ast.CaseClause:
			return true
		}
	}
	return isCommented(pass, n)
}

// namesKeepAlives reports whether a function's comment says of keep-alives, but TCP's,
// more than that there are none.
func namesKeepAlives(f *ast.FuncDecl) bool {
	text := strings.TrimPrefix(f.Doc.Text(), f.Name.Name)
	names := strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(text))
	return strings.Contains(names, "keepalive") && !strings.Contains(names, "tcpkeepalive") && !saysWhat(text)
}

// isNilTest is if client == nil { … }, which is no reason.
func isNilTest(cond ast.Expr) bool {
	b, ok := cond.(*ast.BinaryExpr)
	return ok && (code.IsIdent(b.X, "nil") || code.IsIdent(b.Y, "nil"))
}

// isCommented reports whether a comment says why.
func isCommented(pass *analysis.Pass, n ast.Node) bool {
	if lit, ok := n.(*ast.CompositeLit); ok {
		if off := code.Field(lit, "DisableKeepAlives"); off != nil {
			n = off
		}
	}
	return slices.ContainsFunc(code.Comments(pass, n.Pos()), func(text string) bool { return !saysWhat(text) })
}

// plainWords are those of a comment that says what its line does, and not why.
var plainWords = strings.Fields("a after alive alives and be ca close closed closes closing connection connections disable disabled disables " +
	"do each every finished flag for from get got have header http immediately is it keep keepalive keepalives made make no not of off once " +
	"option parameter parameters persistent request requests response reuse reused set sets setting should tcp that the this to true use used we when will wo")

// saysWhat reports whether a comment says no more than its line.
func saysWhat(text string) bool {
	text = strings.NewReplacer("'ve", " have", "n't", " not", "'s", " is").Replace(strings.ToLower(text))
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(plainWords, w) })
}

// setsProxy reports whether the block around sets some Proxy, as hasProxy does.
func setsProxy(pass *analysis.Pass, stack []ast.Node) bool {
	for i := len(stack) - 1; i >= 0; i-- {
		block, ok := stack[i].(*ast.BlockStmt)
		if !ok {
			continue
		}
		for _, s := range block.List {
			if a, ok := s.(*ast.AssignStmt); ok {
				for i, lhs := range a.Lhs {
					if sel, ok := lhs.(*ast.SelectorExpr); ok && sel.Sel.Name == "Proxy" {
						return len(a.Lhs) != len(a.Rhs) || !isEnvironments(pass, a.Rhs[i])
					}
				}
			}
		}
		return false
	}
	return false
}

// isServed reports whether a request is the parameter of a handler around it: it
// came, and is not to be made.
func isServed(pass *analysis.Pass, x ast.Expr, stack []ast.Node) bool {
	id, ok := ast.Unparen(x).(*ast.Ident)
	if !ok {
		return false
	}
	obj := pass.TypesInfo.Uses[id]
	for _, n := range stack {
		var typ *ast.FuncType
		switch n := n.(type) {
		case *ast.FuncDecl:
			typ = n.Type
		case *ast.FuncLit:
			typ = n.Type
		default:
			continue
		}
		writes, reads := false, false
		for _, p := range typ.Params.List {
			writes = writes || code.Named(pass.TypesInfo.TypeOf(p.Type), "net/http", "ResponseWriter")
			for _, name := range p.Names {
				reads = reads || pass.TypesInfo.Defs[name] == obj
			}
		}
		if writes && reads {
			return true
		}
	}
	return false
}

// isWritten reports whether the function around writes a request to a connection itself:
// then that is its affair.
func isWritten(pass *analysis.Pass, x ast.Expr, stack []ast.Node) (is bool) {
	id, ok := ast.Unparen(x).(*ast.Ident)
	if !ok || len(stack) < 2 {
		return false
	}
	obj := pass.TypesInfo.Uses[id]
	ast.Inspect(stack[1], func(n ast.Node) bool { // the declaration
		if sel, ok := n.(*ast.SelectorExpr); ok && (sel.Sel.Name == "Write" || sel.Sel.Name == "WriteProxy") {
			id, ok := ast.Unparen(sel.X).(*ast.Ident)
			is = is || ok && pass.TypesInfo.Uses[id] == obj
		}
		return !is
	})
	return is
}

func isTransport(t types.Type) bool {
	return t != nil && (code.Named(t, "net/http", "Transport") || code.Named(t, "github.com/berth-go/berth", "Transport"))
}

func isText(pass *analysis.Pass, e ast.Expr, text string) bool {
	v := pass.TypesInfo.Types[e].Value
	return v != nil && v.Kind() == constant.String && strings.EqualFold(constant.StringVal(v), text)
}
