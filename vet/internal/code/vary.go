package code

import (
	"go/token"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// Varies reports whether a value is another one in each turn of a loop, here or in
// what calls the function: it is made of an element of a list, of what a channel
// has, or of what a literal is called with.
func (c *Code) Varies(in ssa.Instruction, v ssa.Value) bool {
	w := varying{c: c, seen: map[ssa.Value]bool{}}
	if InLoop(in) {
		w.loop = in.Parent()
	}
	return w.looks(v, 0)
}

type varying struct {
	c    *Code
	seen map[ssa.Value]bool
	loop *ssa.Function // has it, or nil: then it is around a call
}

func (w varying) looks(v ssa.Value, calls int) bool {
	if v == nil || w.seen[v] || Named(v.Type(), "context", "Context") {
		return false
	}
	w.seen[v] = true
	if isElement(v) {
		return true
	}
	switch v := v.(type) {
	case *ssa.Parameter:
		return w.given(v, calls)
	case *ssa.FreeVar:
		return w.looks(Captured(v), calls)
	case *ssa.Alloc:
		return w.stored(v, calls)
	case *ssa.MakeClosure:
		return slices.ContainsFunc(v.Bindings, func(b ssa.Value) bool { return w.looks(b, calls) })
	case *ssa.Function, *ssa.Global, *ssa.Builtin, *ssa.Const:
		return false
	case ssa.Instruction:
		for _, op := range v.Operands(nil) {
			if *op != nil && w.looks(*op, calls) {
				return true
			}
		}
	}
	return false
}

// isElement reports whether a value is one of many, that a loop goes through.
func isElement(v ssa.Value) bool {
	if p, ok := v.(*ssa.Parameter); ok {
		return IsLoopBody(p.Parent())
	}
	in, ok := v.(ssa.Instruction)
	if !ok || !InLoop(in) {
		return false
	}
	switch v := v.(type) {
	case *ssa.Next, *ssa.Select:
		return true
	case *ssa.UnOp:
		return v.Op == token.ARROW
	case *ssa.BinOp:
		phi, ok := v.X.(*ssa.Phi)
		return ok && slices.Contains(phi.Edges, ssa.Value(v)) // what a loop counts
	}
	return false
}

// given says it of a parameter, by what the function's callers give. A literal that
// is given away is called with something else each time.
func (w varying) given(p *ssa.Parameter, calls int) bool {
	if calls == maxDepth || p.Parent() == w.loop {
		return false
	}
	f := p.Parent()
	at := slices.Index(f.Params, p)
	callers := w.c.callers[f]
	for _, call := range callers {
		if at < len(call.Common().Args) && w.looks(call.Common().Args[at], calls+1) {
			return true
		}
	}
	return f.Parent() != nil && len(callers) == 0
}

// stored says it of a variable, by all that it, or a part of it, is given.
func (w varying) stored(a ssa.Value, calls int) bool {
	for _, in := range *a.Referrers() {
		switch in := in.(type) {
		case *ssa.Store:
			if in.Addr == a && w.looks(in.Val, calls) {
				return true
			}
		case *ssa.FieldAddr:
			if in.X == a && w.stored(in, calls) {
				return true
			}
		case *ssa.IndexAddr:
			if in.X == a && w.stored(in, calls) {
				return true
			}
		}
	}
	return false
}
