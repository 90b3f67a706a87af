package code

import (
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// IsPaced reports whether a loop waits for time to pass, a ticker's or a sleep,
// before it comes to a block, or before it comes back to it. What it does there, it
// does seldom.
func IsPaced(b *ssa.BasicBlock) bool {
	return IsPolled(b) || !comesBack(b, func(at *ssa.BasicBlock) bool {
		return slices.ContainsFunc(at.Instrs, func(in ssa.Instruction) bool { return waits(in, 0) })
	})
}

// IsPolled reports whether a loop waits for time to pass before it comes to a block.
func IsPolled(b *ssa.BasicBlock) bool {
	for at := b; at != nil; at = at.Idom() {
		for _, in := range at.Instrs {
			if waits(in, 0) && InLoop(in) {
				return true
			}
		}
	}
	return false
}

// waits reports whether an instruction does, or the function that it calls.
func waits(in ssa.Instruction, depth int) bool {
	switch in := in.(type) {
	case *ssa.Select:
		return slices.ContainsFunc(in.States, func(s *ssa.SelectState) bool { return isTime(s.Chan.Type()) })
	case *ssa.UnOp:
		return in.Op == token.ARROW && isTime(in.X.Type())
	case *ssa.Call:
		switch fn := Callee(in.Common()); FullName(fn) {
		case "time.Sleep", "(golang.org/x/time/rate.Limiter).Wait":
			return true
		case "":
		default:
			if callee := in.Call.StaticCallee(); callee == nil || callee.Blocks == nil {
				return strings.HasPrefix(strings.ToLower(fn.Name()), "sleep")
			}
		}
		return depth < 2 && sleeps(in.Call.StaticCallee(), depth+1)
	}
	return false
}

// sleeps reports whether a function waits, and does little else: it makes no loop
// of it, and no request.
func sleeps(f *ssa.Function, depth int) (does bool) {
	if f == nil || len(f.Blocks) > 16 {
		return false
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if call, ok := in.(ssa.CallInstruction); ok && IsRequest(Callee(call.Common())) {
				return false
			}
			does = does || waits(in, depth) && !InLoop(in)
		}
	}
	return does
}

func isTime(t types.Type) bool {
	ch, ok := types.Unalias(t).Underlying().(*types.Chan)
	return ok && Named(ch.Elem(), "time", "Time")
}
