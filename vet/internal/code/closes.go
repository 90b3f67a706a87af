package code

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// closers begin the names of what ends something.
var closers = []string{"Close", "Stop", "Disconnect", "Shutdown", "Quit", "Release"}

// Closes reports whether a function closes what it made when it is done with it, on
// every way that does not fail: by a method, a function that is given it, or one that
// came beside it, deferred or not. Then it does not outlive the call, whoever else had it
// meanwhile.
func (c *Code) Closes(v ssa.Value) bool {
	in, ok := v.(ssa.Instruction)
	return ok && closer{namesOf(v)}.closesFrom(in.Block())
}

// A closer looks for what closes one of some values.
type closer struct{ values map[ssa.Value]bool }

// closesFrom reports whether each way from a block to a return, or back to it, closes
// one: but for those on which something failed, or there is none.
func (c closer) closesFrom(from *ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{}
	var leaves func(b *ssa.BasicBlock) bool
	leaves = func(b *ssa.BasicBlock) bool {
		if seen[b] || slices.ContainsFunc(b.Instrs, c.isClose) {
			return false
		}
		seen[b] = true
		without := -1
		switch last := b.Instrs[len(b.Instrs)-1].(type) {
		case *ssa.Return:
			return !returnsError(last)
		case *ssa.If:
			without = c.without(last)
		}
		for i, next := range b.Succs {
			if i != without && (next == from || leaves(next)) {
				return true
			}
		}
		return false
	}
	return !leaves(from)
}

// without is the successor of an If for when there was an error, or none of the values
// is there, or -1.
func (c closer) without(test *ssa.If) int {
	if isErr, at := errTest(test); isErr {
		return at
	}
	if op, ok := test.Cond.(*ssa.BinOp); ok && c.values[op.X] && IsNil(op.Y) {
		switch op.Op {
		case token.EQL:
			return 0
		case token.NEQ:
			return 1
		}
	}
	return -1
}

// isClose reports whether an instruction closes one, or calls or defers a literal that
// does.
func (c closer) isClose(in ssa.Instruction) bool {
	call, ok := in.(ssa.CallInstruction)
	if _, started := in.(*ssa.Go); !ok || started {
		return false // who knows when
	}
	common := call.Common()
	if m, ok := common.Value.(*ssa.MakeClosure); ok {
		if lit := m.Fn.(*ssa.Function); len(lit.Blocks) > 0 && c.closesFrom(lit.Blocks[0]) {
			return true
		}
	}
	if c.values[common.Value] && !common.IsInvoke() {
		return isCleanup(common.Signature())
	}
	fn := Callee(common)
	return fn != nil && startsWith(fn.Name(), closers) && slices.ContainsFunc(Args(common), func(arg ssa.Value) bool { return c.values[arg] })
}

// isCleanup reports whether a function may be what ends something that it came with.
func isCleanup(sig *types.Signature) bool {
	res := sig.Results()
	return sig.Params().Len() == 0 && (res.Len() == 0 || res.Len() == 1 && IsError(res.At(0).Type()))
}

// Calls reports whether a function calls something of what it made, or gives it to a
// call, rather than only store it in something.
func (c *Code) Calls(v ssa.Value) bool {
	in, ok := v.(ssa.Instruction)
	if !ok {
		return false
	}
	names := namesOf(v)
	for _, f := range append([]*ssa.Function{in.Parent()}, in.Parent().AnonFuncs...) {
		for _, common := range Calls(f) {
			if slices.ContainsFunc(Args(common), func(arg ssa.Value) bool { return names[arg] }) {
				return true
			}
		}
	}
	return false
}

// Lasts reports whether a function goes on with what it made for as long as it likes: it,
// or one that is given it, has a loop without an end, receives from a channel in one, or
// asks in one whether a context is done. Then its connection is used again and again.
func (c *Code) Lasts(v ssa.Value) bool {
	in, ok := v.(ssa.Instruction)
	if !ok {
		return false
	}
	isSource := func(b *ssa.BasicBlock) bool { return b == in.Block() }
	for _, b := range in.Parent().Blocks {
		if !isSource(b) && Reaches(in.Block(), b) && comesBack(b, isSource) && goesOn(b) {
			return true
		}
	}
	names := namesOf(v)
	for _, common := range Calls(in.Parent()) {
		callee := common.StaticCallee()
		if callee == nil || !slices.ContainsFunc(common.Args, func(arg ssa.Value) bool { return names[arg] }) {
			continue
		}
		if slices.ContainsFunc(callee.Blocks, func(b *ssa.BasicBlock) bool { return comesBack(b, none) && goesOn(b) }) {
			return true
		}
	}
	return false
}

// Listens reports whether what a function made is called with a context and a literal that
// returns nothing: as a subscription is, which calls that for what comes until it ends.
func Listens(v ssa.Value) bool {
	in, ok := v.(ssa.Instruction)
	if !ok {
		return false
	}
	names := namesOf(v)
	for _, common := range Calls(in.Parent()) {
		args := Args(common)
		if len(args) > 2 && names[args[0]] && Named(args[1].Type(), "context", "Context") && slices.ContainsFunc(args[2:], func(arg ssa.Value) bool {
			lit := literalOf(arg)
			return lit != nil && lit.Signature.Results().Len() == 0
		}) {
			return true
		}
	}
	return false
}

// goesOn reports whether a loop that has a block may go on for ever, by what is in it.
func goesOn(b *ssa.BasicBlock) bool {
	if b.Comment == "for.body" && len(b.Preds) > 1 {
		return true // it has no condition
	}
	return slices.ContainsFunc(b.Instrs, func(in ssa.Instruction) bool {
		switch in := in.(type) {
		case *ssa.Select:
			return true
		case *ssa.UnOp:
			return in.Op == token.ARROW
		case *ssa.Call:
			return FullName(Callee(in.Common())) == "(context.Context).Err"
		}
		return false
	})
}

// namesOf are a value, and what it is called elsewhere in its function and in its
// literals: the results of a call, what they are converted to, and variables.
func namesOf(v ssa.Value) map[ssa.Value]bool {
	names := map[ssa.Value]bool{}
	var add func(v ssa.Value)
	add = func(v ssa.Value) {
		if names[v] || IsError(v.Type()) || v.Referrers() == nil {
			return
		}
		names[v] = true
		for _, in := range *v.Referrers() {
			switch in := in.(type) {
			case *ssa.Extract, *ssa.ChangeType, *ssa.ChangeInterface, *ssa.MakeInterface, *ssa.TypeAssert, *ssa.Phi:
				add(in.(ssa.Value))
			case *ssa.Store:
				if a, ok := in.Addr.(*ssa.Alloc); ok && in.Val == v {
					add(a)
				}
			case *ssa.UnOp:
				if _, isVar := v.Type().(*types.Pointer); isVar {
					add(in)
				}
			case *ssa.MakeClosure:
				for i, b := range in.Bindings {
					if b == v {
						add(in.Fn.(*ssa.Function).FreeVars[i])
					}
				}
			}
		}
	}
	add(v)
	return names
}
