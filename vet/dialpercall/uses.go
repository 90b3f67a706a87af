package dialpercall

import (
	"cmp"
	"iter"
	"slices"
	"unicode/utf8"

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
	v    ssa.Value
	path string // of the field: the index of each that it is in, and its own, a rune each
}

// all visits what is done with a connection, in functions of the package too, until it is
// told to end.
func (u user) all(v ssa.Value) bool {
	return u.each(place{v: v}, func(in ssa.Instruction) bool {
		switch in := in.(type) {
		case ssa.CallInstruction:
			if call, ok := in.(*ssa.Call); ok && code.FullName(code.Callee(in.Common())) == "crypto/tls.Client" {
				return u.all(call)
			}
			return u.given(in, place{v: v})
		case *ssa.MakeClosure:
			return u.captured(in, place{v: v})
		case *ssa.Store:
			return in.Val != v || u.stored(in, "")
		case *ssa.BinOp:
		case ssa.Value:
			return u.all(in)
		}
		return u.yield(in, v)
	})
}

// maxPath is how deep in structs a connection is looked for: lists have no end.
const maxPath = 4

// stored goes on with the variable that a connection, or a struct with it at a path, was
// stored in: with the struct, if it was a field of one.
func (u user) stored(in *ssa.Store, path string) bool {
	addr := in.Addr
	for {
		f, ok := addr.(*ssa.FieldAddr)
		if !ok {
			break
		}
		path = string(rune(f.Field)) + path
		addr = f.X
		if load, ok := addr.(*ssa.UnOp); ok { // of a variable that a literal has, too
			if a, ok := load.X.(*ssa.Alloc); ok {
				addr = cmp.Or(code.OnlyStored(a), addr)
			}
		}
	}
	if utf8.RuneCountInString(path) > maxPath {
		return u.yield(in, in.Val)
	}
	return u.on(place{addr, path})
}

// within is all for a field of a struct, in methods of it too.
func (u user) within(p place) bool {
	field, width := utf8.DecodeRuneInString(p.path)
	return u.each(p, func(in ssa.Instruction) bool {
		switch in := in.(type) {
		case *ssa.FieldAddr:
			return in.Field != int(field) || u.on(place{in, p.path[width:]})
		case *ssa.Field:
			return in.Field != int(field) || u.on(place{in, p.path[width:]})
		case ssa.CallInstruction:
			return u.given(in, p)
		case *ssa.MakeClosure:
			return u.captured(in, p)
		case *ssa.Store:
			return in.Val != p.v || u.stored(in, p.path)
		case *ssa.UnOp, *ssa.Phi, *ssa.MakeInterface, *ssa.ChangeType:
			return u.within(place{in.(ssa.Value), p.path})
		}
		return u.yield(in, p.v)
	})
}

// on goes on with a place: a connection, or a struct that has it.
func (u user) on(p place) bool {
	if p.path == "" {
		return u.all(p.v)
	}
	return u.within(p)
}

// given goes on in the function that is given a place, where that is of the package.
func (u user) given(call ssa.CallInstruction, p place) bool {
	callee := call.Common().StaticCallee()
	i := slices.Index(call.Common().Args, p.v)
	if callee == nil || callee.Blocks == nil || i < 0 || i >= len(callee.Params) {
		return u.yield(call, p.v)
	}
	return u.on(place{callee.Params[i], p.path})
}

// captured goes on with what a literal has of a place.
func (u user) captured(lit *ssa.MakeClosure, p place) bool {
	for i, b := range lit.Bindings {
		if b == p.v && !u.on(place{lit.Fn.(*ssa.Function).FreeVars[i], p.path}) {
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
