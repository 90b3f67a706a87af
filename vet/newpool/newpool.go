// Package newpool finds clients with a pool of connections that are made again and
// again: of databases, brokers, HTTP libraries.
package newpool

import (
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/internal/pools"
	"github.com/berth-go/berth/vet/newtransport"
)

const doc = `find a client with a pool that is made for every request

What sql.Open, redis.NewClient, grpc.NewClient, mongo.Connect, resty.New and their
like return holds connections, and is to be made once. One that is made for a
request that is served, or in a loop, dials each time: but for one that is made for
another address in each turn.

A function that returns a new one each time, or something that has one, is known as
such wherever it is called, in other packages too; and so is an interface's method, if
it is one of each type there. So a client of an API that has an http.Transport of its
own is one, whoever wrote it. What the function that made it closes when it is done
does not outlive the call; of what it gives to others otherwise, nobody knows. One
that makes a pool for each of its calls is reported where another package calls it for
a request, or in a loop.

It knows constructors by a table. -newpool.table adds a file of one's own: a line
has pool, the function, as path.Name or (path.Type).Name, and what it returns.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:      "newpool",
	Doc:       doc,
	URL:       "https://pkg.go.dev/github.com/berth-go/berth/vet/newpool",
	Requires:  []*analysis.Analyzer{code.Analyzer, newtransport.Analyzer},
	FactTypes: []analysis.Fact{new(IsNew), new(PerCall)},
	Run:       run,
}

func init() {
	Analyzer.Flags.Func("table", "a `file` with more constructors", pools.Extend)
}

func table() *pools.Table { return pools.Of(false) }

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	m := makers{pass: pass, c: c, http: pass.ResultOf[newtransport.Analyzer].(*newtransport.Result).New}
	for m.find() {
	}
	for _, f := range c.Funcs {
		for _, s := range c.Sources(f, table(), m.made) {
			what := "a new " + s.What
			if s.Fn != nil {
				n := m.fact(s.Fn)
				what = "a new " + n.what() + ", from " + s.Fn.Name() + ","
			}
			if isOften(c, s) && isBrief(c, s, m.fact(s.Fn)) {
				report(pass, s, what+" "+c.Often(s.In).String(), "")
			}
		}
		for _, s := range c.Sources(f, nil, m.wasted) {
			if !isCalledHere(s) && isOften(c, s) {
				report(pass, s, "a new "+s.What+" in "+s.Fn.Name()+", "+c.Often(s.In).String(), m.perCall(s.Fn).At)
			}
		}
	}
	return nil, nil
}

// isOften reports whether a pool is made again and again, for the same address.
func isOften(c *code.Code, s code.Source) bool {
	often := c.Often(s.In)
	return often.Serves() && !c.IsTest(s.In.Pos()) && !(often.ByLoop() && c.Differs(s))
}

// isBrief reports whether a pool is gone when the function that made it is done; n is
// what is known of the one that it came from.
func isBrief(c *code.Code, s code.Source, n IsNew) bool {
	if c.Closes(s.Value) {
		return true
	}
	flow := c.Follow(s.Value)
	return !flow.Outlives() && !(flow.Looped && !code.InLoop(s.In)) && (n.In == "" || flow.Used)
}

// isCalledHere reports whether a function is of the package that calls it, so that it is
// known there how often it runs.
func isCalledHere(s code.Source) bool {
	callee := s.In.(*ssa.Call).Call.StaticCallee()
	return callee != nil && callee.Blocks != nil
}

// report reports it; at is where the pool is made, if that is not here.
func report(pass *analysis.Pass, s code.Source, what, at string) {
	where := ""
	if at != "" {
		where = ": it is made in " + at
	}
	code.Reports(pass, code.Report{
		Pos: s.In.Pos(), End: s.In.Pos(),
		What: what + ": its connections are never reused",
		Do:   "make it once, and give it to those who need it" + where,
	})
}
