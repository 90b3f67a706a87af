package idleperhost

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
)

// A pool is what is known of the Transport that a request goes over.
type pool struct {
	lit     *ast.CompositeLit // nil for the default one, or its clone
	isClone bool
	perHost int64 // that it keeps
	most    int64 // MaxConnsPerHost, or 0
	isUnset bool  // MaxIdleConnsPerHost is
}

// isEnough reports whether it keeps as many as n goroutines have at once.
func (p *pool) isEnough(n int64) bool {
	if n == many {
		return p.lit != nil // who knows
	}
	return n <= p.perHost || p.most > 0 && p.most <= p.perHost
}

// A finder finds pools in a package, where a variable or a field is given one only.
type finder struct {
	c      *code.Code
	fields map[field][]*ssa.Store
}

// A field is a struct's.
type field struct {
	of types.Type
	i  int
}

func newFinder(c *code.Code) *finder {
	return &finder{c: c}
}

// index notes what is stored in which field, when it is first asked for.
func (x *finder) index() {
	if x.fields != nil {
		return
	}
	x.fields = map[field][]*ssa.Store{}
	inits := map[*ssa.Function]bool{}
	for _, f := range x.c.Funcs {
		x.note(f)
		if f.Pkg != nil {
			inits[f.Pkg.Func("init")] = true
		}
	}
	for f := range inits {
		x.note(f)
	}
}

func (x *finder) note(f *ssa.Function) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if s, ok := in.(*ssa.Store); ok {
				if at, ok := s.Addr.(*ssa.FieldAddr); ok {
					x.fields[key(at)] = append(x.fields[key(at)], s)
				}
			}
		}
	}
}

func key(at *ssa.FieldAddr) field {
	of := at.X.Type()
	if p, ok := of.Underlying().(*types.Pointer); ok { // a type parameter is none
		of = p.Elem()
	}
	return field{of, at.Field}
}

// poolOf is the pool of a request, or nil where it is not known.
func (x *finder) poolOf(request ssa.CallInstruction) *pool {
	common := request.Common()
	switch {
	case common.IsInvoke():
		return x.find(common.Value, 0)
	case code.Callee(common).Signature().Recv() == nil: // http.Get
		return &pool{perHost: kept, isUnset: true}
	}
	return x.find(common.Args[0], 0)
}

// find follows a value back to where it was made.
func (x *finder) find(v ssa.Value, depth int) *pool {
	if depth > 20 {
		return nil
	}
	x.index()
	depth++
	switch v := code.Captured(v).(type) {
	case *ssa.Alloc:
		return x.made(v, depth)
	case *ssa.Global: // a client by itself
		return x.transportOf(v, v.Object().Type(), x.fields, depth)
	case *ssa.UnOp:
		return x.load(v.X, depth)
	case *ssa.MakeInterface:
		return x.find(v.X, depth)
	case *ssa.ChangeInterface:
		return x.find(v.X, depth)
	case *ssa.ChangeType:
		return x.find(v.X, depth)
	case *ssa.TypeAssert:
		return x.find(v.X, depth)
	case *ssa.Extract: // t, ok := x.(*http.Transport)
		return x.find(v.Tuple, depth)
	case *ssa.Parameter:
		return x.argument(v, depth)
	case *ssa.Call:
		return x.returned(v, depth)
	}
	return nil
}

// load is what a variable or a field has.
func (x *finder) load(addr ssa.Value, depth int) *pool {
	switch at := code.Captured(addr).(type) {
	case *ssa.Global:
		if at.Pkg.Pkg.Path() == "net/http" && (at.Name() == "DefaultClient" || at.Name() == "DefaultTransport") {
			return &pool{perHost: kept, isUnset: true}
		}
		if vals := x.c.SetTo(at); len(vals) == 1 {
			return x.find(vals[0], depth)
		}
	case *ssa.FieldAddr:
		if s := x.fields[key(at)]; len(s) == 1 && !code.Named(at.X.Type(), "net/http", "Client") {
			return x.find(s[0].Val, depth)
		}
	case *ssa.Alloc:
		if val := code.OnlyStored(at); val != nil {
			return x.find(val, depth)
		}
	}
	return nil
}

// argument is what a function is given by its only caller.
func (x *finder) argument(p *ssa.Parameter, depth int) *pool {
	calls := x.c.Callers(p.Parent())
	if len(calls) != 1 {
		return nil
	}
	args := calls[0].Common().Args
	if i := slices.Index(p.Parent().Params, p); i < len(args) {
		return x.find(args[i], depth)
	}
	return nil
}

// returned is what a function of this package returns, by its only return, or a clone of the
// default one.
func (x *finder) returned(call *ssa.Call, depth int) *pool {
	if code.FullName(code.Callee(call.Common())) == "(net/http.Transport).Clone" {
		if p := x.find(call.Call.Args[0], depth); p == nil || p.lit != nil || !isAsMade(call) {
			return nil
		}
		return &pool{isClone: true, perHost: kept, isUnset: true}
	}
	callee := call.Call.StaticCallee()
	if callee == nil {
		return nil
	}
	var ret *ssa.Return
	for _, b := range callee.Blocks {
		if r, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok {
			if ret != nil {
				return nil
			}
			ret = r
		}
	}
	if ret == nil || len(ret.Results) != 1 {
		return nil
	}
	p := x.find(ret.Results[0], depth)
	if code.IsGiven(call, nil) || p != nil && p.isClone && !isAsMade(call) {
		return nil // it has another since
	}
	return p
}

// isAsMade reports whether all that is done with a clone where it is made, or returned to, can
// be seen, and nothing changes how many connections it keeps, or to what.
func isAsMade(clone ssa.Value) bool {
	return !slices.ContainsFunc(*clone.Referrers(), func(in ssa.Instruction) bool {
		switch in := in.(type) {
		case *ssa.MakeInterface, *ssa.Return, *ssa.DebugRef:
			return false
		case *ssa.FieldAddr:
			switch name := code.FieldName(in); name {
			case "MaxIdleConnsPerHost", "MaxConnsPerHost", "DisableKeepAlives":
				return true
			default:
				return strings.HasPrefix(name, "Dial")
			}
		}
		return true
	})
}

// made is a pool by how it was made.
func (x *finder) made(a *ssa.Alloc, depth int) *pool {
	stores := map[field][]*ssa.Store{}
	for _, in := range *a.Referrers() {
		switch in := in.(type) {
		case *ssa.FieldAddr:
			for _, use := range *in.Referrers() {
				if s, ok := use.(*ssa.Store); ok && s.Addr == in {
					stores[key(in)] = append(stores[key(in)], s)
				}
			}
		case *ssa.Store:
			if in.Addr == a {
				if _, isZero := in.Val.(*ssa.Const); !isZero {
					return x.find(in.Val, depth) // a variable that has one
				}
			}
		}
	}
	typ := a.Type().Underlying().(*types.Pointer).Elem()
	switch {
	case code.Named(typ, "net/http", "Client"):
		return x.transportOf(a, typ, stores, depth)
	case code.Named(typ, "net/http", "Transport"):
		return x.transport(a, typ, stores)
	}
	return nil
}

// transportOf is a client's.
func (x *finder) transportOf(client ssa.Value, typ types.Type, stores map[field][]*ssa.Store, depth int) *pool {
	if !code.Named(typ, "net/http", "Client") {
		return nil
	}
	var own []*ssa.Store
	for _, s := range stores[fieldOf(typ, "Transport")] {
		if s.Addr.(*ssa.FieldAddr).X == client {
			own = append(own, s)
		}
	}
	switch len(own) {
	case 0:
		if code.IsGiven(client, nil) {
			return nil // by another name, as a variable's that a literal has
		}
		return &pool{perHost: kept, isUnset: true}
	case 1:
		return x.find(own[0].Val, depth)
	}
	return nil
}

// transport is one of which all that matters is constant.
func (x *finder) transport(a *ssa.Alloc, typ types.Type, stores map[field][]*ssa.Store) *pool {
	p := &pool{lit: x.c.Literal(a), perHost: kept, isUnset: true}
	if p.lit == nil || len(stores[fieldOf(typ, "DisableKeepAlives")]) > 0 {
		return nil
	}
	for name, to := range map[string]*int64{"MaxIdleConnsPerHost": &p.perHost, "MaxConnsPerHost": &p.most} {
		switch s := stores[fieldOf(typ, name)]; len(s) {
		case 0:
		case 1:
			if _, ok := s[0].Val.(*ssa.Const); !ok {
				return nil
			}
			if n := toInt(s[0].Val); n != 0 {
				*to = n
				p.isUnset = p.isUnset && name != "MaxIdleConnsPerHost"
			}
		default:
			return nil
		}
	}
	if p.perHost < 0 {
		return nil // none are kept, on purpose
	}
	return p
}

func fieldOf(typ types.Type, name string) field {
	st := typ.Underlying().(*types.Struct)
	for i := range st.NumFields() {
		if st.Field(i).Name() == name {
			return field{typ, i}
		}
	}
	return field{typ, -1}
}
