// Package bodydrain finds bodies that are closed unread where more requests follow.
package bodydrain

import (
	"go/types"
	"go/version"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/body"
	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/newtransport"
)

const doc = `find a body that is closed unread, though more requests follow

Before Go 1.27, net/http closes the connection of a body that is closed before its
end was read (golang/go#60240): the next request makes another. Reported are bodies
that are closed unread in a loop that makes the next request, and in a function that
runs for every request that is served, or in a loop, and reads none of what a GET had.
A client behind an interface, or that is a function, may be any, and one that is another
in each turn leaves no connection to the next. A loop that waits
before each request, or as long after each, asks whether something is there yet, which
costs little.

A response to HEAD has no body, one to POST, PUT or DELETE whose status is all that is
asked for often has none, one by a client that the call made for itself has a connection
that nobody else would use, and one from an https:// address that is written there is
HTTP/2's mostly, whose connection stays.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:     "bodydrain",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/berth-go/berth/vet/bodydrain",
	Requires: []*analysis.Analyzer{code.Analyzer, newtransport.Analyzer},
	Run:      run,
}

// drains is the version of Go that reads what is left by itself.
const drains = "go1.27"

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	if v := pass.Pkg.GoVersion(); v != "" && version.Compare(v, drains) >= 0 {
		return nil, nil
	}
	if slices.ContainsFunc(c.Funcs, code.MakesHTTP2) {
		return nil, nil // a stream is closed, and the connection stays
	}
	made := pass.ResultOf[newtransport.Analyzer].(*newtransport.Result).MayMake
	for _, f := range c.Funcs {
		for _, r := range body.Responses(f, nil) {
			if r.Discarded() || r.Any()&body.Closes == 0 || r.IsHead() || c.IsTest(r.Call.Pos()) || isOwn(r.Call, made) || !isNetHTTP(r.Call) || c.IsHTTPS(r.Call.Common()) {
				continue
			}
			what := unread(c, r)
			if what == "" || r.Upgrades() {
				continue
			}
			code.Reports(pass, code.Report{
				Pos: r.Call.Pos(), End: r.Call.Pos(),
				What: what + ": net/http closes its connection too (before Go 1.27)",
				Do:   "read it first, within a limit: io.CopyN(io.Discard, resp.Body, 64<<10)",
			})
		}
	}
	return nil, nil
}

// unread says that a body is closed unread, and when, or nothing.
func unread(c *code.Code, r *body.Response) string {
	again := func(in ssa.Instruction) bool { return in == ssa.Instruction(r.Call) }
	inLoop := code.InLoop(r.Call)
	if inLoop && (code.HostOf(r.Call.Common()) == code.Each || code.IsPolled(r.Call.Block()) || hasOwnClient(c, r.Call)) {
		return ""
	}
	if inLoop && r.ClosesAtOnce() && r.Unread(again) != nil {
		return "the body is closed unread before the next request"
	}
	if often := c.Often(r.Call); often.Serves() && r.Any()&(body.Reads|body.Leaves) == 0 && code.Method(r.Call.Common()) == "GET" {
		return "the body is closed unread " + often.String()
	}
	return ""
}

// isNetHTTP reports whether a request is made by net/http: an interface, or a function
// that is a value, may be anything.
func isNetHTTP(request *ssa.Call) bool {
	return !request.Call.IsInvoke() && code.IsRequest(code.Callee(request.Common()))
}

// hasOwnClient reports whether a request in a loop is made by another client each turn.
func hasOwnClient(c *code.Code, request *ssa.Call) bool {
	args := code.Args(request.Common())
	return len(args) > 0 && code.Named(args[0].Type(), "net/http", "Client") && c.Varies(request, args[0])
}

// isOwn reports whether a request's client has a pool that was made for the call.
func isOwn(request *ssa.Call, made func(*types.Func) string) bool {
	args := code.Args(request.Common())
	if len(args) == 0 {
		return false
	}
	switch client := code.Root(args[0]).(type) {
	case *ssa.Call:
		fn := code.Callee(client.Common())
		return fn != nil && made(fn) != ""
	case *ssa.Alloc: // a literal with a Transport
		if !code.Named(client.Type(), "net/http", "Client") {
			return false
		}
		for name := range code.Set(client) {
			if name == "Transport" {
				return true
			}
		}
	}
	return false
}
