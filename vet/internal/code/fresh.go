package code

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/pools"
)

// connects are the packages that make connections, beside those of the table.
var connects = map[string]bool{
	"net": true, "net/http": true, "net/http/httputil": true, "crypto/tls": true,
	"golang.org/x/oauth2": true, "golang.org/x/net/http2": true,
}

// Connects reports whether a package that imports the path may make connections.
func Connects(path string) bool { return connects[path] || pools.Makes(path) }

// IsNew reports whether a call makes something new each time, as far as is known.
func (c *Code) IsNew(call *ssa.Call) bool {
	fn := Callee(call.Common())
	name := FullName(fn)
	return fn != nil && (name == "net/http/httputil.NewSingleHostReverseProxy" || pools.Knows(name) || c.fresh[fn])
}

// A Source is where a pool is made.
type Source struct {
	Value ssa.Value // a pointer to it, or it
	In    ssa.Instruction
	What  string      // it is
	HTTP  bool        // it is net/http's
	Off   bool        // it keeps no connections
	Fn    *types.Func // the function of the user's that makes it, if that is another
}

// Sources returns where f makes what the table has, which may be nil. made says what other functions
// are known to return something new, and may be nil.
func (c *Code) Sources(f *ssa.Function, table *pools.Table, made func(*types.Func) string) (sources []Source) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Alloc:
				if p, ok := table.Find(typeName(in.Type())); ok && c.isMade(in) {
					sources = append(sources, Source{Value: in, In: in, What: p.What})
				}
			case *ssa.Call:
				fn := Callee(in.Common())
				if fn == nil {
					continue
				}
				if p, ok := table.Find(FullName(fn)); ok {
					sources = append(sources, Source{Value: in, In: in, What: p.What, Off: p.Off})
				} else if made != nil {
					if what := made(fn.Origin()); what != "" {
						sources = append(sources, Source{Value: in, In: in, What: what, Fn: fn.Origin()})
					}
				}
			}
		}
	}
	return sources
}

// Differs reports whether a source that is a call is given something else in each
// turn of a loop, such as an address, or is of something else.
func (c *Code) Differs(s Source) bool {
	call, ok := s.In.(*ssa.Call)
	return ok && slices.ContainsFunc(Args(call.Common()), func(v ssa.Value) bool { return c.Varies(call, v) })
}

// IsAnswered reports whether a source is made of what a literal has found out meanwhile, as
// the address that a registry gives.
func (c *Code) IsAnswered(s Source) bool {
	call, ok := s.In.(*ssa.Call)
	return ok && slices.ContainsFunc(call.Call.Args, func(v ssa.Value) bool {
		load, ok := v.(*ssa.UnOp)
		if !ok {
			return false
		}
		a, ok := load.X.(*ssa.Alloc)
		return ok && slices.ContainsFunc(*a.Referrers(), func(in ssa.Instruction) bool { return isSetBy(in, a) })
	})
}

// isSetBy reports whether an instruction makes a literal that sets a variable.
func isSetBy(in ssa.Instruction, a *ssa.Alloc) bool {
	m, ok := in.(*ssa.MakeClosure)
	if !ok {
		return false
	}
	free := m.Fn.(*ssa.Function).FreeVars[slices.Index(m.Bindings, ssa.Value(a))]
	return slices.ContainsFunc(*free.Referrers(), func(use ssa.Instruction) bool {
		s, ok := use.(*ssa.Store)
		return ok && s.Addr == free
	})
}

// isMade reports whether an Alloc is a literal or a variable of its own: not the
// copy of another, or a parameter.
func (c *Code) isMade(a *ssa.Alloc) bool {
	for _, in := range *a.Referrers() {
		if s, ok := in.(*ssa.Store); ok && s.Addr == a {
			if _, isZero := s.Val.(*ssa.Const); !isZero {
				return false
			}
		}
	}
	return true
}

// typeName is path.Name of what t points to.
func typeName(t types.Type) string {
	n := NamedOf(t)
	if _, isPointer := types.Unalias(t).(*types.Pointer); !isPointer || n == nil || n.Obj().Pkg() == nil {
		return ""
	}
	return trimVendor(n.Obj().Pkg().Path()) + "." + n.Obj().Name()
}

// SetFresh notes that a function of this package returns something new.
func (c *Code) SetFresh(fn *types.Func) { c.fresh[fn.Origin()] = true }
