package code

import (
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// IsKept reports whether what a call returns is kept, and asked for before the next
// one: in a field that is set from the result, and looked at first. Such a call is
// made seldom, as when a token is no longer good.
func IsKept(call *ssa.Call) bool {
	set := setFrom(call)
	if len(set) == 0 {
		return false
	}
	for b := call.Block(); b.Idom() != nil; b = b.Idom() {
		test, ok := b.Idom().Instrs[len(b.Idom().Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		asks := slices.ContainsFunc(fieldsIn(test.Cond, 0), func(f field) bool { return set[f] && !IsError(f.v.Type()) })
		if asks && isForNone(test, call) && mayReturn(b.Idom(), call.Block()) {
			return true
		}
	}
	return false
}

// isForNone reports whether a call may be made where a test finds nothing there, if it
// is about that: where it is made as long as something is, as of pages, nothing is kept.
func isForNone(test *ssa.If, call *ssa.Call) bool {
	op, ok := test.Cond.(*ssa.BinOp)
	if !ok || op.Op != token.EQL && op.Op != token.NEQ {
		return true
	}
	if c, ok := op.Y.(*ssa.Const); !ok || c.Value != nil && constant.Compare(c.Value, token.NEQ, zero(c.Value)) {
		return true
	}
	without := test.Block().Succs[0]
	if op.Op == token.NEQ {
		without = test.Block().Succs[1]
	}
	return Reaches(without, call.Block())
}

// zero is that of a constant's kind, or the constant, if its kind has none here.
func zero(v constant.Value) constant.Value {
	switch v.Kind() {
	case constant.String:
		return constant.MakeString("")
	case constant.Int, constant.Float:
		return constant.MakeInt64(0)
	}
	return v
}

// mayReturn reports whether there is a way from a block to a return that does not
// come through another block.
func mayReturn(from, through *ssa.BasicBlock) bool {
	is := func(b *ssa.BasicBlock) bool { return b == through }
	return leads([]*ssa.BasicBlock{from}, is, func(b *ssa.BasicBlock) bool {
		_, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		return ok && b != through
	})
}

// A field is one of the object that a variable points to.
type field struct {
	of ssa.Value
	v  *types.Var
}

func fieldOf(f *ssa.FieldAddr) field {
	return field{Root(f.X), fieldVar(f)}
}

// fieldsIn are those that a condition looks at, itself or by a method that it calls.
func fieldsIn(v ssa.Value, depth int) (all []field) {
	if depth > maxDepth {
		return nil
	}
	depth++
	switch v := v.(type) {
	case *ssa.FieldAddr:
		return append(fieldsIn(v.X, depth), fieldOf(v))
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
					all = append(all, field{Root(v.Call.Args[0]), fieldOf(f).v})
				}
			}
		}
	}
	return all
}

// setFrom are the fields that are set after a call, to what is made of its result.
func setFrom(call *ssa.Call) map[field]bool {
	set := map[field]bool{}
	for v := range madeOf(call) {
		for _, in := range *v.Referrers() {
			s, ok := in.(*ssa.Store)
			if !ok || s.Val != v || !call.Block().Dominates(s.Block()) {
				continue
			}
			if f, ok := s.Addr.(*ssa.FieldAddr); ok {
				set[fieldOf(f)] = true
			}
		}
	}
	return set
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

// isMissed reports whether a block is reached only where what was looked for in a
// cache is not there: in a map, a sync.Map or the like, which is a package variable or
// a field, and whose value is returned if it is.
func (c *Code) isMissed(b *ssa.BasicBlock) bool {
	for ; b != nil; b = around(b) {
		if b.Idom() == nil || len(b.Preds) != 1 {
			continue
		}
		test, ok := b.Idom().Instrs[len(b.Idom().Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		cond, missed := test.Cond, 1
		if not, ok := cond.(*ssa.UnOp); ok && not.Op == token.NOT {
			cond, missed = not.X, 0
		}
		found, ok := cond.(*ssa.Extract)
		if ok && found.Index == 1 && test.Block().Succs[missed] == b && c.isLookup(found.Tuple) && returnsWhatIsFound(found.Tuple, test.Block().Succs[1-missed]) {
			return true
		}
	}
	return false
}

// isLookup reports whether a pair is what a cache says.
func (c *Code) isLookup(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Lookup:
		return c.fills(v.X)
	case *ssa.Call:
		args := Args(v.Common())
		fn := Callee(v.Common())
		if fn == nil || len(args) == 0 || fn.Signature().Recv() == nil {
			return false
		}
		return (fn.Name() == "Get" || fn.Name() == "Load" || fn.Name() == "Lookup") && c.fills(args[0])
	}
	return false
}

// fills reports whether a value is what a package variable or a field has, and the
// package puts something into that.
func (c *Code) fills(v ssa.Value) bool { return c.filled[variable(v)] }

// putInto is the package variable, or the field, that an instruction puts something
// into, or nil.
func putInto(in ssa.Instruction) types.Object {
	switch in := in.(type) {
	case *ssa.MapUpdate:
		return variable(in.Map)
	case *ssa.Call:
		fn := Callee(in.Common())
		if args := Args(in.Common()); fn != nil && len(args) > 0 && startsWith(fn.Name(), putters) {
			return variable(args[0])
		}
	}
	return nil
}

// putters begin the names of a cache's methods that put something into it.
var putters = []string{"Set", "Store", "Add", "Put"}

// variable is the package variable, or the field, that a value is in, or nil.
func variable(v ssa.Value) types.Object {
	if load, ok := v.(*ssa.UnOp); ok && load.Op == token.MUL {
		v = load.X
	}
	switch v := v.(type) {
	case *ssa.Global:
		return v.Object()
	case *ssa.FieldAddr:
		return fieldOf(v).v
	}
	return nil
}

// returnsWhatIsFound reports whether a block returns what is made of a pair's first.
func returnsWhatIsFound(pair ssa.Value, b *ssa.BasicBlock) bool {
	ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
	if !ok {
		return false
	}
	for _, in := range *pair.Referrers() {
		if x, ok := in.(*ssa.Extract); ok && x.Index == 0 {
			made := madeOf(x)
			return slices.ContainsFunc(ret.Results, func(v ssa.Value) bool { return made[v] })
		}
	}
	return false
}
