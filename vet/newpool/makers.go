package newpool

import (
	"cmp"
	"fmt"
	"go/types"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/internal/pools"
)

// IsNew is the fact of a function, or of an interface's method, that each time it
// returns a new pool, or something that has one of its own.
type IsNew struct {
	Pool string // "sql.DB"
	In   string // the type that has it; empty if it is returned itself
	HTTP bool   // it is net/http's
}

// AFact makes it one.
func (*IsNew) AFact() {}

// String is for tests.
func (n *IsNew) String() string { return "returns a new " + n.what() }

func (n *IsNew) what() string {
	if n.In == "" {
		return n.Pool
	}
	return n.In + " with its own " + short(n.Pool)
}

// short is what the table says of a pool, without what that has in turn.
func short(pool string) string {
	pool, _, _ = strings.Cut(pool, ",")
	return pool
}

// PerCall is the fact of a function, or of an interface's method, that it makes a pool
// each time, which is gone when it is done.
type PerCall struct {
	Pool string
	At   string // where: a file and a line; of an interface's method, its first type's
}

// AFact makes it one.
func (*PerCall) AFact() {}

// String is for tests.
func (p *PerCall) String() string { return "makes a new " + p.Pool + " for each call" }

// makers knows the functions that make pools.
type makers struct {
	pass  *analysis.Pass
	c     *code.Code
	table *pools.Table
	http  []code.Source // Transports, and what else newtransport knows
}

// fact is what is known of a function; its Pool is empty if nothing is.
func (m makers) fact(fn *types.Func) (n IsNew) {
	if fn != nil {
		m.pass.ImportObjectFact(fn.Origin(), &n)
	}
	return n
}

func (m makers) made(fn *types.Func) string { return m.fact(fn).Pool }

// perCall is what is known of a function that makes a pool for each call; its Pool is
// empty if nothing is.
func (m makers) perCall(fn *types.Func) (p PerCall) {
	m.pass.ImportObjectFact(fn.Origin(), &p)
	return p
}

func (m makers) wasted(fn *types.Func) string { return m.perCall(fn).Pool }

// find exports the facts of the functions of the package, and reports whether there were
// any that were not known: which may show others.
func (m makers) find() (found bool) {
	for _, f := range m.c.Funcs {
		fn, ok := f.Object().(*types.Func)
		if !ok || m.c.IsTest(f.Pos()) {
			continue
		}
		if m.made(fn) == "" && m.isMaker(f, fn) {
			found = true
		}
		if m.wasted(fn) == "" && !code.IsForOnce(f) && m.isWasteful(f, fn) {
			found = true
		}
	}
	return m.findInterfaces() || found
}

// isMaker exports IsNew of a function, if it is: by one source of its, or by several of
// which each way has one.
func (m makers) isMaker(f *ssa.Function, fn *types.Func) bool {
	var (
		from   []code.Source
		values []ssa.Value
		blocks []*ssa.BasicBlock
	)
	for _, s := range m.sources(f) {
		if flow := m.c.Follow(s.Value); flow.Returned && !flow.Kept && !m.c.Closes(s.Value) {
			from, values, blocks = append(from, s), append(values, s.Value), append(blocks, s.In.Block())
		}
	}
	if len(from) == 0 || !code.IsAlways(blocks...) {
		return false
	}
	holder := m.holder(f, values)
	if holder == nil {
		return false
	}
	s := from[0]
	n := m.fact(s.Fn)
	m.pass.ExportObjectFact(fn, &IsNew{Pool: s.What, In: cmp.Or(nameOf(holder, s), n.In), HTTP: n.HTTP || s.HTTP})
	return true
}

// isWasteful exports PerCall of a function, if it is, and is not reported itself.
func (m makers) isWasteful(f *ssa.Function, fn *types.Func) bool {
	for _, s := range m.pools(f) {
		if m.isOnce(s.In) && m.isBrief(s) {
			m.pass.ExportObjectFact(fn, &PerCall{s.What, m.place(s.In)})
			return true
		}
	}
	for _, s := range m.c.Sources(f, nil, m.wasted) {
		if m.isOnce(s.In) {
			p := m.perCall(s.Fn)
			m.pass.ExportObjectFact(fn, &p)
			return true
		}
	}
	return false
}

// isBrief reports whether a pool is gone when the function that made it is done, and is
// not used again and again there.
func (m makers) isBrief(s code.Source) bool {
	flow := m.c.Follow(s.Value)
	switch n := m.fact(s.Fn); {
	case m.c.Lasts(s.Value), m.c.IsAnswered(s), flow.Looped && !code.InLoop(s.In):
		return false
	case m.c.Closes(s.Value):
		return true
	case n.HTTP:
		return !flow.Outlives() && flow.Used
	case n.In != "" || n.Pool != "" && types.IsInterface(result(s)):
		return !flow.Outlives() && (flow.Used || m.c.Calls(s.Value))
	default:
		return !flow.Outlives()
	}
}

// place is where an instruction is, for people: a file, as from the folder of the module
// that is looked at, or by its import path, and a line.
func (m makers) place(in ssa.Instruction) string {
	at := m.pass.Fset.Position(in.Pos())
	dir := m.pass.Pkg.Path()
	if m.pass.Module != nil && m.pass.Module.Version == "" {
		dir = strings.TrimPrefix(strings.TrimPrefix(dir, m.pass.Module.Path), "/")
	}
	return fmt.Sprintf("%s:%d", path.Join(dir, filepath.Base(at.Filename)), at.Line)
}

// isOnce reports whether something is done once in each call of its function, of which
// nobody here knows how often it is called.
func (m makers) isOnce(in ssa.Instruction) bool {
	return code.IsAlways(in.Block()) && !code.InLoop(in) && !m.c.Often(in).Serves()
}

// sources are where f makes a pool: of the table, by a function that is known, or one
// for HTTP, which is newtransport's to report but where something has it.
func (m makers) sources(f *ssa.Function) []code.Source {
	all := m.pools(f)
	for _, s := range m.http {
		if s.In.Parent() == f {
			s.HTTP = true
			all = append(all, s)
		}
	}
	return all
}

// pools are where f makes a pool of the table, or by a function that is known, that is not
// given the connections of another then.
func (m makers) pools(f *ssa.Function) []code.Source {
	return slices.DeleteFunc(m.c.Sources(f, m.table, m.made), func(s code.Source) bool { return code.IsGiven(s.Value, m.http) })
}

// holder is the type of what f returns each time that is one of the pools, or has it, or
// nil. Clients and Transports are newtransport's, and what a function has is for later.
func (m makers) holder(f *ssa.Function, values []ssa.Value) types.Type {
	v, ok := m.c.ReturnsIn(f, values...)
	if !ok || code.IsPool(v.Type()) {
		return nil
	}
	if _, isFunc := v.Type().Underlying().(*types.Signature); isFunc {
		return nil
	}
	return v.Type()
}

// nameOf is how a type that has a pool is called, or empty if it is the pool's own, or an
// interface, which it may be itself.
func nameOf(t types.Type, s code.Source) string {
	n := code.NamedOf(t)
	if n == nil || types.IsInterface(n) {
		return ""
	}
	if own := code.NamedOf(result(s)); own != nil && n.Obj() == own.Obj() {
		return ""
	}
	return n.Obj().Name()
}

// result is the type of the first that a source returns.
func result(s code.Source) types.Type {
	if tuple, ok := s.Value.Type().(*types.Tuple); ok && tuple.Len() > 0 {
		return tuple.At(0).Type()
	}
	return s.Value.Type()
}

// findInterfaces exports the facts of the methods of the package's interfaces that are
// those of all its types that have them.
func (m makers) findInterfaces() (found bool) {
	for method, all := range m.c.Implemented() {
		if made := m.fact(all[0]); m.made(method) == "" && !slices.ContainsFunc(all, func(fn *types.Func) bool { return m.made(fn) == "" }) {
			m.pass.ExportObjectFact(method, &made)
			found = true
		}
		if wasted := m.perCall(all[0]); m.wasted(method) == "" && !slices.ContainsFunc(all, func(fn *types.Func) bool { return m.wasted(fn) == "" }) {
			m.pass.ExportObjectFact(method, &wasted)
			found = true
		}
	}
	return found
}
