package code

import (
	"slices"

	"golang.org/x/tools/go/ssa"
)

// isKept reports whether what a call returns is kept, and asked for before the next
// one: in a field that is set from the result, and looked at first. Such a call is
// made seldom, as when a token is no longer good.
func isKept(call *ssa.Call) bool {
	for b := call.Block(); b.Idom() != nil; b = b.Idom() {
		test, ok := b.Idom().Instrs[len(b.Idom().Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		if asked := fieldsIn(test.Cond, 0); len(asked) > 0 && setsOne(call, asked) && mayReturn(b.Idom(), call.Block()) {
			return true
		}
	}
	return false
}

// mayReturn reports whether there is a way from a block to a return that does not
// come through another block.
func mayReturn(from, through *ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{through: true}
	var reach func(b *ssa.BasicBlock) bool
	reach = func(b *ssa.BasicBlock) bool {
		if seen[b] {
			return false
		}
		seen[b] = true
		if _, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok {
			return true
		}
		return slices.ContainsFunc(b.Succs, reach)
	}
	return reach(from)
}

// A field is one of the object that a variable points to.
type field struct {
	of ssa.Value
	i  int
}

// fieldsIn are those that a condition looks at, itself or by a method that it calls.
func fieldsIn(v ssa.Value, depth int) (all []field) {
	if depth > maxDepth {
		return nil
	}
	depth++
	switch v := v.(type) {
	case *ssa.FieldAddr:
		return append(fieldsIn(v.X, depth), field{Root(v.X), v.Field})
	case *ssa.UnOp:
		return fieldsIn(v.X, depth)
	case *ssa.BinOp:
		return append(fieldsIn(v.X, depth), fieldsIn(v.Y, depth)...)
	case *ssa.Convert:
		return fieldsIn(v.X, depth)
	case *ssa.Call:
		for _, arg := range v.Call.Args {
			all = append(all, fieldsIn(arg, depth)...)
		}
		callee := v.Call.StaticCallee()
		if callee == nil || callee.Signature.Recv() == nil || len(callee.Params) == 0 {
			return all
		}
		for _, b := range callee.Blocks {
			for _, in := range b.Instrs {
				if f, ok := in.(*ssa.FieldAddr); ok && f.X == callee.Params[0] {
					all = append(all, field{Root(v.Call.Args[0]), f.Field})
				}
			}
		}
	}
	return all
}

// setsOne reports whether one of the fields is set after a call, to what is made of
// its result.
func setsOne(call *ssa.Call, fields []field) bool {
	made := madeOf(call)
	for _, b := range call.Parent().Blocks {
		if !call.Block().Dominates(b) {
			continue
		}
		for _, in := range b.Instrs {
			s, ok := in.(*ssa.Store)
			if !ok || !made[s.Val] {
				continue
			}
			if f, ok := s.Addr.(*ssa.FieldAddr); ok && slices.Contains(fields, field{Root(f.X), f.Field}) {
				return true
			}
		}
	}
	return false
}

// madeOf are the values that depend on v, in its function.
func madeOf(v ssa.Value) map[ssa.Value]bool {
	made := map[ssa.Value]bool{}
	var add func(v ssa.Value)
	add = func(v ssa.Value) {
		if made[v] || v.Referrers() == nil {
			return
		}
		made[v] = true
		for _, in := range *v.Referrers() {
			switch in := in.(type) {
			case *ssa.Store:
				if a, ok := Root(in.Addr).(*ssa.Alloc); ok && in.Val == v {
					add(a)
				}
			case ssa.Value:
				add(in)
			}
		}
	}
	add(v)
	return made
}
