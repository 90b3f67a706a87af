// Package newpool finds clients with a pool of connections that are made again and
// again: of databases, brokers, HTTP libraries.
package newpool

import (
	"golang.org/x/tools/go/analysis"

	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/internal/pools"
)

const doc = `find a client with a pool that is made for every request

What sql.Open, redis.NewClient, grpc.NewClient, mongo.Connect, resty.New and their
like return holds connections, and is to be made once. One that is made for a
request that is served, or in a loop, dials each time: but for one that is made for
another address in each turn.

It knows constructors by a table. -newpool.table adds a file of one's own: a line
has pool, the function, as path.Name or (path.Type).Name, and what it returns.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:     "newpool",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/berth-go/berth/vet/newpool",
	Requires: []*analysis.Analyzer{code.Analyzer},
	Run:      run,
}

func init() {
	Analyzer.Flags.Func("table", "a `file` with more constructors", pools.Extend)
}

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	table := pools.Of(false)
	for _, f := range c.Funcs {
		for _, s := range c.Sources(f, table, nil) {
			often := c.Often(s.In)
			if !often.Serves() || c.IsTest(s.In.Pos()) || often.ByLoop() && c.Differs(s) {
				continue
			}
			if flow := c.Follow(s.Value); flow.Outlives() || flow.Looped && !code.InLoop(s.In) {
				continue
			}
			code.Reports(pass, code.Report{
				Pos: s.In.Pos(), End: s.In.Pos(),
				What: "a new " + s.What + " " + often.String() + ": its connections are never reused",
				Do:   "make it once, and give it to those who need it",
			})
		}
	}
	return nil, nil
}
