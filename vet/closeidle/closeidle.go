// Package closeidle finds CloseIdleConnections where connections are to be used
// again.
package closeidle

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/newtransport"
)

const doc = `find CloseIdleConnections of a shared client after a request

CloseIdleConnections does not end a request, and it is not part of one: it closes
what the next request, anybody's, would have used, and each of these connections
leaves its port in TIME_WAIT. It is for when a client is not needed any more.

On the path of an error, where only some requests get to it, and in a function that
makes no request, it is fine; of a client that the function made itself, with a
Transport of its own, newtransport tells.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:     "closeidle",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/berth-go/berth/vet/closeidle",
	Requires: []*analysis.Analyzer{code.Analyzer, newtransport.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	made := pass.ResultOf[newtransport.Analyzer].(*newtransport.Result).MayMake
	for _, f := range c.Funcs {
		if !requests(f) {
			continue
		}
		for in, call := range code.Calls(f) {
			if !closes(call) || c.IsTest(in.Pos()) || isOwn(c, made, code.Args(call)[0]) {
				continue
			}
			if code.OnError(in.Block()) || !code.InLoop(in) && !code.IsAlways(in.Block()) {
				continue
			}
			often := c.Often(in)
			if !often.Yes() {
				continue
			}
			r := code.Report{
				Pos: in.Pos(), End: in.Pos(),
				What: "idle connections of a shared client are closed " + often.String() + ": the next request makes a new one",
				Do:   "delete it: what is idle is there to be used again, and leaves by IdleConnTimeout",
			}
			if s := statement(pass, in.Pos()); s != nil {
				r.Pos, r.End = s.Pos(), s.End()
				r.FixName, r.Fix = "delete the call", []analysis.TextEdit{{Pos: s.Pos(), End: s.End()}}
				if line, ok := code.DeleteLine(pass, s); ok {
					r.Fix[0] = line
				}
			}
			code.Reports(pass, r)
		}
	}
	return nil, nil
}

func closes(call *ssa.CallCommon) bool {
	switch code.FullName(code.Callee(call)) {
	case "(net/http.Client).CloseIdleConnections", "(net/http.Transport).CloseIdleConnections":
		return true
	}
	return false
}

// requests reports whether f, or a literal in it, makes a request.
func requests(f *ssa.Function) bool {
	for _, call := range code.Calls(f) {
		if code.IsRequest(code.Callee(call)) {
			return true
		}
	}
	if code.IsReturned(f) {
		return false // it is for later
	}
	for f = f.Parent(); f != nil; f = f.Parent() {
		for _, call := range code.Calls(f) {
			if code.IsRequest(code.Callee(call)) {
				return true
			}
		}
	}
	return false
}

// isOwn reports whether the client was made by the function itself.
func isOwn(c *code.Code, made func(*types.Func) string, v ssa.Value) bool {
	switch root := code.Root(v).(type) {
	case *ssa.Alloc:
		return !sharesDefault(root)
	case *ssa.Call:
		fn := code.Callee(root.Common())
		return c.IsNew(root) || fn != nil && made(fn) != ""
	case *ssa.FreeVar:
		given, ok := code.Outer(root).(*ssa.Parameter)
		return !ok || code.IsPool(given.Type()) // who knows, but of a field of what the function is given
	}
	return false
}

// sharesDefault reports whether a client is a new one without a Transport of its own:
// what it closes is the default one's, and everybody's.
func sharesDefault(client *ssa.Alloc) bool {
	if !code.Named(client.Type(), "net/http", "Client") {
		return false
	}
	for _, in := range *client.Referrers() {
		switch in := in.(type) {
		case *ssa.Store:
			if in.Addr == client {
				return false // another's copy
			}
		case ssa.CallInstruction:
			if fn := code.Callee(in.Common()); fn == nil || fn.Signature().Recv() == nil || !code.Named(fn.Signature().Recv().Type(), "net/http", "Client") {
				return false // who may give it one
			}
		case *ssa.FieldAddr:
			if code.FieldName(in) == "Transport" {
				return false
			}
		}
	}
	return true
}

// statement is the call's, if it is one by itself: by its brace, or by defer and go.
func statement(pass *analysis.Pass, pos token.Pos) (s ast.Stmt) {
	for _, f := range pass.Files {
		if pos < f.FileStart || pos >= f.FileEnd {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.DeferStmt:
				if n.Defer == pos {
					s = n
				}
			case *ast.GoStmt:
				if n.Go == pos {
					s = n
				}
			case *ast.ExprStmt:
				if call, ok := n.X.(*ast.CallExpr); ok && call.Lparen == pos {
					s = n
				}
			}
			return s == nil
		})
	}
	return s
}
