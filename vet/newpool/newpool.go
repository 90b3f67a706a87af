// Package newpool finds clients with a pool of connections that are made again and
// again: of databases, brokers, HTTP libraries.
package newpool

import (
	"slices"
	"strings"

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
own is one, whoever wrote it. One that makes a pool for each of its calls is reported
where another package calls it for a request, or in a loop: of several such calls of
one package in a function, one is.

A pool that its maker closes on every way that does not fail is gone after the call;
one that was handed to code that can't be seen counts as kept. One that is used in a
loop of the same call, or for as long as somebody is there, is right, and so is one that
a loop makes to listen by, with a function for what comes. So is one to an address that a
request says, as a probe's: any text of it, but for headers, cookies and what a middleware
has put there, which say who asks. So is one to an address that another server told
meanwhile. One that is given another's http.Client or Transport has no
pool of its own.

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
	Analyzer.Flags.String("sum", "", "the table's checksum: go vet looks again where a flag is another, and reads no table")
}

func run(pass *analysis.Pass) (any, error) {
	m := makers{
		pass:  pass,
		c:     pass.ResultOf[code.Analyzer].(*code.Code),
		table: pools.Of(false),
		http:  pass.ResultOf[newtransport.Analyzer].(*newtransport.Result).New,
	}
	for m.find() {
	}
	for _, f := range m.c.Funcs {
		for _, s := range m.pools(f) {
			if m.isOften(s) && !m.c.IsAsked(s) && m.isBrief(s) {
				what := s.What
				if s.Fn != nil {
					n := m.fact(s.Fn)
					what = n.what() + ", from " + s.Fn.Name()
				}
				m.report(s, what, "")
			}
		}
		var calls []code.Source
		for _, s := range m.c.Sources(f, nil, m.wasted) {
			if !m.isCalledHere(s) && m.isOften(s) && !m.c.IsAskedHere(s) && !code.IsKept(s.In.(*ssa.Call)) {
				calls = append(calls, s)
			}
		}
		for _, s := range oneOfEach(calls) {
			m.report(s, short(s.What)+" by "+s.Fn.Name(), ": it is made in "+m.perCall(s.Fn).At)
		}
	}
	return nil, nil
}

// isOften reports whether a pool is made again and again, for the same address.
func (m makers) isOften(s code.Source) bool {
	often := m.c.Often(s.In)
	return often.Serves() && !m.c.IsTest(s.In.Pos()) && !(often.ByLoop() && (m.c.Differs(s) || code.Listens(s.Value)))
}

// oneOfEach returns one of those calls of a function that make the same by functions of
// the same package: the first, or a later one that others come to as well. Who has that
// one made once, has the others too.
func oneOfEach(calls []code.Source) (some []code.Source) {
	for _, s := range calls {
		i := slices.IndexFunc(some, func(other code.Source) bool { return s.What == other.What && s.Fn.Pkg() == other.Fn.Pkg() })
		if i < 0 {
			some = append(some, s)
			continue
		}
		before, here := some[i].In.Block(), s.In.Block()
		if code.Reaches(before, here) && !before.Dominates(here) {
			some[i] = s
		}
	}
	return some
}

// isCalledHere reports whether a function is of the package that calls it, so that it is
// known there how often it runs.
func (m makers) isCalledHere(s code.Source) bool {
	return s.Fn.Pkg() == m.pass.Pkg && !s.In.(*ssa.Call).Call.IsInvoke()
}

func (m makers) report(s code.Source, what, where string) {
	if strings.Contains(what, ", ") {
		what += ","
	}
	often := m.c.Often(s.In)
	code.Reports(m.pass, code.Report{
		Pos: s.In.Pos(), End: s.In.Pos(),
		What:   "a new " + what + " " + often.String() + ": its connections are never reused",
		Do:     "make it once, and give it to those who need it" + where,
		ByCall: often.ByLoop() && m.c.IsOfCommands(),
	})
}
