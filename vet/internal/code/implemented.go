package code

import (
	"go/types"
	"iter"
)

// Implemented are the methods of the package's interfaces, each with those of the package's
// types that it may be, but for tests: of one that no type has, none. What other packages'
// types do is not known.
func (c *Code) Implemented() iter.Seq2[*types.Func, []*types.Func] {
	return func(yield func(*types.Func, []*types.Func) bool) {
		if len(c.Funcs) == 0 {
			return // it is left out
		}
		scope := c.pass.Pkg.Scope()
		for _, name := range scope.Names() {
			it, ok := scope.Lookup(name).Type().Underlying().(*types.Interface)
			if !ok || !isType(scope.Lookup(name)) {
				continue
			}
			for method := range it.ExplicitMethods() {
				if method.Pkg() != c.pass.Pkg { // of type T other.Interface
					continue
				}
				if all := c.implementing(it, method); len(all) > 0 && !yield(method, all) {
					return
				}
			}
		}
	}
}

// implementing are the methods that an interface's may be, of the package's types: but for
// those that have it by having one of the interface.
func (c *Code) implementing(it *types.Interface, method *types.Func) (all []*types.Func) {
	scope := c.pass.Pkg.Scope()
	for _, name := range scope.Names() {
		obj := scope.Lookup(name)
		if !isType(obj) || types.IsInterface(obj.Type()) || c.IsTest(obj.Pos()) {
			continue
		}
		if p := types.NewPointer(obj.Type()); types.Implements(p, it) {
			if impl, _, _ := types.LookupFieldOrMethod(p, true, c.pass.Pkg, method.Name()); impl != method {
				all = append(all, impl.(*types.Func))
			}
		}
	}
	return all
}

func isType(obj types.Object) bool {
	t, ok := obj.(*types.TypeName)
	return ok && !t.IsAlias()
}
