// Package bodyclose finds responses whose bodies are not closed.
package bodyclose

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/body"
	"github.com/berth-go/berth/vet/internal/code"
)

const doc = `find a response's body that is not closed

A connection is used again when its response's body was read to its end or closed.
One that is neither stays in use for ever: the next request makes another.

A body that is returned, stored, or given to a function that closes it, or may, is
left to whom it is given. A function that returns a response with an open body is
known as such wherever it is called.

A path that returns an error is left out where the program ends with it, as a command
does, cobra's too. Over HTTP/3, and client-go's transports, which speak HTTP/2, it is a
stream that stays open, and no connection. In tests, most bodies are empty, or a
double's, and what runs once has no other request to lose: they are left out.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:      "bodyclose",
	Doc:       doc,
	URL:       "https://pkg.go.dev/github.com/berth-go/berth/vet/bodyclose",
	Requires:  []*analysis.Analyzer{code.Analyzer},
	FactTypes: []analysis.Fact{new(Opens)},
	Run:       run,
}

// Opens is the fact of a function that its caller has the response's body to close.
type Opens struct{}

// AFact makes it one.
func (*Opens) AFact() {}

// String is for tests.
func (*Opens) String() string { return "returns an open body" }

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	opens := func(fn *types.Func) bool { return pass.ImportObjectFact(fn.Origin(), new(Opens)) }
	for findOpeners(pass, c, opens) {
	}
	for _, f := range c.Funcs {
		for _, r := range body.Responses(f, opens) {
			if c.IsTest(r.Call.Pos()) || !c.Repeats(r.Call).Yes() || r.IsHead() || strings.HasPrefix(f.Name(), "init#") || code.MakesHTTP2(f) || code.IsKubernetes(r.Call) {
				continue // a double's, or empty; it runs once, for all we know; there is none; it is a stream of many
			}
			check(pass, c, r)
		}
	}
	return nil, nil
}

// findOpeners exports the fact of functions that return a response as they got it:
// not of those that may have closed it, since nobody knows when.
func findOpeners(pass *analysis.Pass, c *code.Code, opens body.Opens) (found bool) {
	for _, f := range c.Funcs {
		fn, ok := f.Object().(*types.Func)
		if !ok || opens(fn) || !returnsResponse(f.Signature) {
			continue
		}
		for _, r := range body.Responses(f, opens) {
			if r.MayReturnClosed() || r.GivenAway() {
				continue
			}
			returned := r.Without(body.Closes, func(in ssa.Instruction) bool {
				ret, ok := in.(*ssa.Return)
				return ok && r.IsIn(ret)
			})
			if returned != nil {
				pass.ExportObjectFact(fn, new(Opens))
				found = true
				break
			}
		}
	}
	return found
}

// returnsResponse reports whether a function returns a response, or a body, and not
// both: whoever closes one closes the other.
func returnsResponse(sig *types.Signature) bool {
	responses, bodies, others := 0, 0, 0
	for v := range sig.Results().Variables() {
		switch t := v.Type(); {
		case code.Named(t, "net/http", "Response"):
			responses++
		case body.IsBody(t):
			bodies++
		case !code.IsError(t):
			others++
		}
	}
	return responses == 1 && bodies == 0 || responses == 0 && bodies == 1 && others == 0
}

func check(pass *analysis.Pass, c *code.Code, r *body.Response) {
	report := code.Report{
		Pos: r.Call.Pos(), End: r.Call.Pos(),
		What: "the response's body is never closed: its connection is never used again",
		Do:   "close it when there is no error: defer resp.Body.Close()", ByCall: c.Repeats(r.Call).ByCall(),
	}
	if r.IsAlone() {
		report.Do = "close it when there is no error"
	}
	var leaks []ssa.Instruction
	r.Without(body.Closes|body.Ends|body.Leaves, func(in ssa.Instruction) bool {
		if !c.EndsProgram(in) && !r.MayBeStored(in) {
			leaks = append(leaks, in)
		}
		return false
	})
	switch {
	case r.Discarded() && r.IsAlone():
		return // of what has none, as 204: whoever throws it away knows
	case r.Discarded():
	case len(leaks) == 0:
		return
	case r.Any()&(body.Closes|body.Ends|body.Leaves) == 0:
		if r.Any()&body.Reads != 0 {
			report.What = "the response's body is never closed: its connection is not used again unless it was read to its end"
		}
		if !r.IsAlone() {
			fix(pass, r, &report)
		}
	case slices.Contains(leaks, ssa.Instruction(r.Call)):
		report.What = "the response's body is not closed when the loop goes on: its connection is never used again"
	default:
		report.What = "the response's body is not closed on every path" + returnsIn(pass, leaks)
	}
	code.Reports(pass, report)
}

// returnsIn says in which lines the paths return, or leave the loop over a function.
func returnsIn(pass *analysis.Pass, leaks []ssa.Instruction) string {
	var lines []int
	one, many := "returns", "return"
	for _, leak := range leaks {
		if leak.Pos().IsValid() {
			lines = append(lines, pass.Fset.Position(leak.Pos()).Line)
		}
		if code.IsLoopBody(leak.Parent()) {
			one, many = "leaves the loop", "leave the loop"
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	switch n := len(lines); n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(": not on that which %s in line %d", one, lines[0])
	default:
		list := strings.Trim(strings.ReplaceAll(fmt.Sprint(lines[:n-1]), " ", ", "), "[]")
		return fmt.Sprintf(": not on those which %s in lines %s and %d", many, list, lines[n-1])
	}
}

// fix defers the close behind the test of the error, where that returns and both
// are in a block of their own function.
func fix(pass *analysis.Pass, r *body.Response, report *code.Report) {
	if code.InLoop(r.Call) {
		return
	}
	for _, f := range pass.Files {
		if r.Call.Pos() < f.FileStart || r.Call.Pos() >= f.FileEnd {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			block, ok := n.(*ast.BlockStmt)
			if !ok {
				return true
			}
			for i, s := range block.List {
				if name, err, ok := assigns(pass, s, r.Call.Pos()); ok && i+1 < len(block.List) && returnsOnError(block.List[i+1], err) {
					at := code.Behind(pass, block.List[i+1].End())
					report.FixName = "defer the close"
					report.Fix = []analysis.TextEdit{{Pos: at, End: at, NewText: []byte("\ndefer " + name + ".Body.Close()")}}
				}
			}
			return true
		})
	}
}

// assigns reports whether s is resp, err := call, and what these are called.
func assigns(pass *analysis.Pass, s ast.Stmt, call token.Pos) (resp, err string, ok bool) {
	a, ok := s.(*ast.AssignStmt)
	if !ok || len(a.Lhs) != 2 || len(a.Rhs) != 1 {
		return "", "", false
	}
	x, ok := a.Rhs[0].(*ast.CallExpr)
	if !ok || x.Lparen != call {
		return "", "", false
	}
	first, ok1 := a.Lhs[0].(*ast.Ident)
	second, ok2 := a.Lhs[1].(*ast.Ident)
	if !ok1 || !ok2 || first.Name == "_" || !code.Named(pass.TypesInfo.TypeOf(first), "net/http", "Response") {
		return "", "", false
	}
	return first.Name, second.Name, true
}

// returnsOnError reports whether s is if err != nil { … return }.
func returnsOnError(s ast.Stmt, err string) bool {
	test, ok := s.(*ast.IfStmt)
	if !ok || test.Init != nil || test.Else != nil || len(test.Body.List) == 0 {
		return false
	}
	cond, ok := test.Cond.(*ast.BinaryExpr)
	if !ok || cond.Op != token.NEQ || !code.IsIdent(cond.X, err) || !code.IsIdent(cond.Y, "nil") {
		return false
	}
	_, returns := test.Body.List[len(test.Body.List)-1].(*ast.ReturnStmt)
	return returns
}
