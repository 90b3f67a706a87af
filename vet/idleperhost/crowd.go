package idleperhost

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
)

// A crowd is what runs at once: a function that is started as many goroutines.
type crowd struct {
	in ssa.CallInstruction // where they are started
	f  *ssa.Function
	n  int64 // at most; many, if that is no constant
}

// many is more than a constant says.
const many = -1

func (w crowd) String() string {
	if w.n == many {
		return "many goroutines"
	}
	return fmt.Sprintf("%d goroutines", w.n)
}

// crowds reports those that have more requests at once than their pool keeps
// connections, and returns the literals of these pools, by their brace.
func crowds(pass *analysis.Pass, c *code.Code, again map[token.Pos]bool) map[token.Pos]bool {
	told := map[token.Pos]bool{} // of the default transport, by the request
	finder := newFinder(c)
	for _, f := range c.Funcs {
		for in, common := range code.Calls(f) {
			if c.IsTest(in.Pos()) || !code.InLoop(in) {
				continue
			}
			started := started(in, common)
			if started == nil {
				continue
			}
			w := crowd{in, started, size(in, common)}
			if w.n == 0 || goEach(common) {
				continue
			}
			for _, request := range requests(started, 0) {
				p := finder.poolOf(request)
				switch {
				case p == nil || p.isEnough(w.n):
					continue
				case p.lit == nil:
					if changesDefault(pass) || told[request.Pos()] {
						continue
					}
					told[request.Pos()] = true
				case again[p.lit.Lbrace] || told[p.lit.Lbrace] || p.isUnset && assigned(pass, p.lit.Pos()):
					continue
				default:
					told[p.lit.Lbrace] = true
				}
				reportCrowd(pass, w, request, p)
				break
			}
		}
	}
	return told
}

// started is the function that a call starts as a goroutine: go, WaitGroup.Go,
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

// goEach reports whether each goroutine is given a text of its own, which may be an
// address.
func goEach(common *ssa.CallCommon) bool {
	return slices.ContainsFunc(common.Args, func(v ssa.Value) bool {
		basic, ok := v.Type().Underlying().(*types.Basic)
		return ok && basic.Info()&types.IsString != 0 && code.HostIn(v) == code.Each
	})
}

// size is how many of them there are at once: as many as the loop counts, or as are
// let in. It is 0 where that can't be seen.
func size(in ssa.CallInstruction, common *ssa.CallCommon) int64 {
	n := turns(in.Block())
	limit := places(in)
	if l := setLimit(in, common); l > 0 && (limit == 0 || l < limit) {
		limit = l
	}
	if limit > 0 && (n <= 0 || limit < n) {
		return limit
	}
	return n
}

// turns is how often the loop around a block runs, by the number that it counts to:
// many where that is not a constant, 0 if it does not count.
func turns(b *ssa.BasicBlock) (n int64) {
	var inner *ssa.BasicBlock
	for _, at := range b.Parent().Blocks {
		test, ok := at.Instrs[len(at.Instrs)-1].(*ssa.If)
		if !ok || !code.InLoop(test) || !at.Succs[0].Dominates(b) || inner != nil && at.Succs[0].Dominates(inner) {
			continue
		}
		if op, ok := test.Cond.(*ssa.BinOp); ok && (op.Op == token.LSS || op.Op == token.LEQ) {
			n, inner = bound(op.Y), at.Succs[0]
		}
	}
	return n
}

// bound is what a number that is counted to says.
func bound(v ssa.Value) int64 {
	if call, ok := v.(*ssa.Call); ok {
		if b, ok := call.Call.Value.(*ssa.Builtin); ok && b.Name() == "len" {
			return 0 // over a slice
		}
	}
	if _, ok := v.(*ssa.Const); ok {
		return toInt(v)
	}
	if basic, ok := v.Type().Underlying().(*types.Basic); ok && basic.Info()&types.IsInteger != 0 {
		return many
	}
	return 0
}

// toInt is a constant's value, or 0.
func toInt(v ssa.Value) int64 {
	c, ok := v.(*ssa.Const)
	if !ok || c.Value == nil {
		return 0
	}
	n, _ := constant.Int64Val(constant.ToInt(c.Value))
	return n
}

// setLimit is the constant that an errgroup is limited to.
func setLimit(in ssa.CallInstruction, common *ssa.CallCommon) (n int64) {
	if _, ok := in.(*ssa.Go); ok || len(common.Args) == 0 {
		return 0
	}
	for _, call := range code.Calls(in.Parent()) {
		if code.FullName(code.Callee(call)) == "(golang.org/x/sync/errgroup.Group).SetLimit" && code.Root(call.Args[0]) == code.Root(common.Args[0]) {
			n = toInt(call.Args[1])
		}
	}
	return n
}

// places is how many a channel lets in, that is sent to before each is started, in
// the same loop.
func places(in ssa.CallInstruction) int64 {
	for at := in.Block(); at != nil; at = at.Idom() {
		for _, x := range at.Instrs {
			send, ok := x.(*ssa.Send)
			if !ok || !code.InLoop(send) {
				continue
			}
			if ch, ok := code.Root(send.Chan).(*ssa.MakeChan); ok && ch.Parent() == in.Parent() {
				if n := toInt(ch.Size); n > 0 {
					return n
				}
			}
		}
	}
	return 0
}

// requests are those that a function makes, or what it calls, to a host that is the
// same for all that run it.
func requests(f *ssa.Function, depth int) (all []ssa.CallInstruction) {
	for in, common := range code.Calls(f) {
		if code.IsRequest(code.Callee(common)) {
			if host := code.HostOf(common); host == code.Same || host == code.Given && depth == 0 {
				all = append(all, in)
			}
		} else if callee := common.StaticCallee(); callee != nil && callee.Blocks != nil && callee != f && depth < 2 {
			all = append(all, requests(callee, depth+1)...)
		}
	}
	return all
}

func reportCrowd(pass *analysis.Pass, w crowd, request ssa.CallInstruction, p *pool) {
	r := code.Report{Pos: request.Pos(), End: request.Pos()}
	at := pass.Fset.Position(w.in.Pos())
	where := fmt.Sprintf("%s:%d", filepath.Base(at.Filename), at.Line)
	if p.lit == nil {
		which, do := "the default transport", "use a client whose Transport has a MaxIdleConnsPerHost of as many as run at once"
		if p.isClone {
			which, do = "a clone of the default transport", "set its MaxIdleConnsPerHost to as many as run at once"
		}
		r.What = fmt.Sprintf("%s use %s at once (%s), which keeps %d idle connections a host", w, which, where, kept)
		r.Do = do
		code.Reports(pass, r)
		return
	}
	keeps := "are kept"
	if p.perHost == 1 {
		keeps = "is kept"
	}
	r.What = fmt.Sprintf("%s use this Transport at once (%s), but %d idle connections a host %s", w, where, p.perHost, keeps)
	r.Do = "set MaxIdleConnsPerHost to as many as run at once"
	r.Pos, r.End = p.lit.Pos(), p.lit.End()
	set := code.Field(p.lit, "MaxIdleConnsPerHost")
	if set != nil {
		r.Pos, r.End = set.Pos(), set.End()
	}
	if w.n != many {
		r.Do = fmt.Sprintf("set MaxIdleConnsPerHost to %d", w.n)
		r.FixName = r.Do
		switch {
		case set != nil:
			r.Fix = []analysis.TextEdit{{Pos: set.Value.Pos(), End: set.Value.End(), NewText: fmt.Append(nil, w.n)}}
		case len(p.lit.Elts) == 0:
			r.Fix = []analysis.TextEdit{{Pos: p.lit.Rbrace, End: p.lit.Rbrace, NewText: fmt.Appendf(nil, "MaxIdleConnsPerHost: %d", w.n)}}
		default:
			first := p.lit.Elts[0]
			r.Fix = []analysis.TextEdit{{Pos: first.Pos(), End: first.Pos(), NewText: fmt.Appendf(nil, "MaxIdleConnsPerHost: %d%s", w.n, behind(pass, first))}}
		}
	}
	code.Reports(pass, r)
}
