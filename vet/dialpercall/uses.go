package dialpercall

import (
	"cmp"
	"iter"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
)

// uses are the instructions that do something with a connection, by the value that
// it is there: in literals too, within TLS, and in a local struct that has it.
func uses(conn ssa.Value) iter.Seq2[ssa.Instruction, ssa.Value] {
	return func(yield func(ssa.Instruction, ssa.Value) bool) {
		u := user{yield: yield, seen: map[place]bool{}}
		u.all(conn)
	}
}

type user struct {
	yield func(ssa.Instruction, ssa.Value) bool
	seen  map[place]bool
}

// A place is a value, or a field of the struct that it is or points to.
type place struct {
	v     ssa.Value
	field int // whole, or its index
}

const whole = -1

// all visits what is done with a connection, until it is told to end.
func (u user) all(v ssa.Value) bool {
	return u.each(place{v, whole}, func(in ssa.Instruction) bool {
		switch in := in.(type) {
		case ssa.CallInstruction:
			if call, ok := in.(*ssa.Call); ok && code.FullName(code.Callee(in.Common())) == "crypto/tls.Client" {
				return u.all(call)
			}
		case *ssa.MakeClosure:
			return u.captured(in, place{v, whole})
		case *ssa.Store:
			return in.Val != v || u.all(in.Addr) && u.stored(in.Addr)
		case *ssa.BinOp:
		case ssa.Value:
			return u.all(in)
		}
		return u.yield(in, v)
	})
}

// stored goes on with the struct that a connection was stored in a field of.
func (u user) stored(addr ssa.Value) bool {
	f, ok := addr.(*ssa.FieldAddr)
	if !ok {
		return true
	}
	of := f.X
	if load, ok := of.(*ssa.UnOp); ok { // of a variable that a literal has, too
		if a, ok := load.X.(*ssa.Alloc); ok {
			of = cmp.Or(code.OnlyStored(a), of)
		}
	}
	return u.within(place{of, f.Field})
}

// within is all for a field of a struct, in methods of it too.
func (u user) within(p place) bool {
	return u.each(p, func(in ssa.Instruction) bool {
		switch in := in.(type) {
		case *ssa.FieldAddr:
			return in.Field != p.field || u.all(in)
		case *ssa.Field:
			return in.Field != p.field || u.all(in)
		case ssa.CallInstruction:
			callee := in.Common().StaticCallee()
			if callee == nil || callee.Blocks == nil {
				return u.yield(in, p.v)
			}
			i := slices.Index(in.Common().Args, p.v)
			return i < 0 || i >= len(callee.Params) || u.within(place{callee.Params[i], p.field})
		case *ssa.MakeClosure:
			return u.captured(in, p)
		case *ssa.Store:
			return in.Val != p.v || u.within(place{in.Addr, p.field})
		case *ssa.UnOp:
			return u.within(place{in, p.field})
		}
		return u.yield(in, p.v)
	})
}

// captured goes on with what a literal has of a place.
func (u user) captured(lit *ssa.MakeClosure, p place) bool {
	for i, b := range lit.Bindings {
		next := place{lit.Fn.(*ssa.Function).FreeVars[i], p.field}
		if b == p.v && !(p.field == whole && u.all(next.v) || p.field != whole && u.within(next)) {
			return false
		}
	}
	return true
}

// each visits what refers to a place, the first time that it is come to.
func (u user) each(p place, visit func(ssa.Instruction) bool) bool {
	if u.seen[p] || p.v.Referrers() == nil {
		return true
	}
	u.seen[p] = true
	for _, in := range *p.v.Referrers() {
		if !visit(in) {
			return false
		}
	}
	return true
}
