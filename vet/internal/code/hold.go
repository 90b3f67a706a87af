package code

import (
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// IsGiven reports whether something that has a pool of its own is given another: a client
// or a Transport, in a field of it, where that can be followed, or by a method that sets
// it, if it has none of those that are new. What it then has is that one's.
func IsGiven(v ssa.Value, news []Source) bool { return isGiven(v, news, map[ssa.Value]bool{}) }

func isGiven(v ssa.Value, news []Source, seen map[ssa.Value]bool) bool {
	isShared := func(arg ssa.Value) bool {
		return isPoolValue(arg) && !slices.ContainsFunc(news, func(s Source) bool { return has(arg, s.Value) })
	}
	for name := range namesOf(v) {
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, in := range *name.Referrers() {
			switch in := in.(type) {
			case *ssa.FieldAddr:
				if slices.ContainsFunc(*in.Referrers(), func(use ssa.Instruction) bool {
					s, ok := use.(*ssa.Store)
					return ok && s.Addr == in && isPoolValue(s.Val)
				}) {
					return true
				}
			case *ssa.Call:
				fn := Callee(in.Common())
				args := Args(in.Common())
				if fn == nil || len(args) == 0 || args[0] != name {
					continue
				}
				if strings.HasPrefix(fn.Name(), "Set") && slices.ContainsFunc(args[1:], isShared) {
					return true
				}
				if types.Identical(in.Type(), v.Type()) && isGiven(in, news, seen) { // c.SetA(a).SetB(b)
					return true
				}
			}
		}
	}
	return false
}

// isPoolValue reports whether a value is a client or a Transport, or may be.
func isPoolValue(v ssa.Value) bool { return IsPool(v.Type()) && !IsNil(v) }

// has reports whether a value is a pool, or has it in a field.
func has(v, pool ssa.Value) bool {
	root := Root(v)
	if root == pool {
		return true
	}
	for name := range namesOf(pool) {
		for _, in := range *name.Referrers() {
			if s, ok := in.(*ssa.Store); ok && s.Val == name && Root(s.Addr) == root {
				return true
			}
		}
	}
	return false
}

// mayHold reports whether something of the type may have a value of type v: by its
// fields, and theirs, down to a few levels. Of an interface nobody knows.
func mayHold(typ, v types.Type) bool {
	return holder{v, map[types.Type]bool{}}.looks(typ, 5)
}

type holder struct {
	v    types.Type
	seen map[types.Type]bool
}

func (h holder) looks(typ types.Type, depth int) bool {
	typ = types.Unalias(typ)
	if h.seen[typ] || depth == 0 || isData(typ) {
		return false
	}
	h.seen[typ] = true
	if types.Identical(typ, h.v) || IsPool(typ) {
		return true
	}
	switch u := typ.Underlying().(type) {
	case *types.Pointer:
		return types.Identical(u.Elem(), h.v) || h.looks(u.Elem(), depth)
	case *types.Slice:
		return h.looks(u.Elem(), depth)
	case *types.Array:
		return h.looks(u.Elem(), depth)
	case *types.Chan:
		return h.looks(u.Elem(), depth)
	case *types.Map:
		return h.looks(u.Elem(), depth)
	case *types.Signature:
		return true
	case *types.Interface:
		return u.NumMethods() > 0
	case *types.Tuple:
		for i := range u.Len() {
			if h.looks(u.At(i).Type(), depth) {
				return true
			}
		}
	case *types.Struct:
		for i := range u.NumFields() {
			if h.looks(u.Field(i).Type(), depth-1) {
				return true
			}
		}
	}
	return false
}

// IsPool reports whether typ is net/http's own way to hold one, or an interface that
// a client or a Transport has by its Do or RoundTrip.
func IsPool(typ types.Type) bool {
	if Named(typ, "net/http", "Client") || Named(typ, "net/http", "Transport") {
		return true
	}
	it, ok := types.Unalias(typ).Underlying().(*types.Interface)
	if !ok {
		return false
	}
	for m := range it.Methods() {
		sig := m.Signature()
		if (m.Name() == "Do" || m.Name() == "RoundTrip") && sig.Params().Len() == 1 && Named(sig.Params().At(0).Type(), "net/http", "Request") && returnsResponse(sig) {
			return true
		}
	}
	return false
}

// isData reports whether typ is an answer, or what one is made of, and holds no
// pool though by its fields it might.
func isData(typ types.Type) bool {
	if IsError(typ) {
		return true
	}
	for _, d := range []struct{ pkg, name string }{
		{"net/http", "Response"}, {"net/http", "Request"}, {"net/http", "Header"}, {"net/http", "Cookie"},
		{"time", "Time"}, {"io", "Reader"}, {"io", "ReadCloser"}, {"io", "Writer"}, {"reflect", "Type"},
		{"context", "CancelFunc"}, {"net", "Addr"}, {"fmt", "Stringer"}, {"bytes", "Buffer"}, {"net/url", "URL"}, {"database/sql", "Rows"}, {"database/sql", "Row"},
	} {
		if Named(typ, d.pkg, d.name) {
			return true
		}
	}
	return false
}
