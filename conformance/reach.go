package main

import (
	"cmp"
	"go/ast"
	"go/types"
	"slices"
)

type objects map[types.Object]bool

// A reach knows what each top-level declaration of a package's files refers to.
type reach struct {
	src     *source
	in      func(file string) bool
	decl    map[types.Object]ast.Node
	inside  map[types.Object][]types.Object // the declarations among these files
	outside map[types.Object][]types.Object // all else, fields and methods included

	// Those that make an http.Client without a Transport, which then uses
	// http.DefaultTransport.
	bareClient objects

	cut map[string]bool // names that are not followed
}

// newReach looks at the files that in accepts, by full path.
func newReach(s *source, in func(file string) bool) *reach {
	r := &reach{
		src: s, in: in,
		decl:    map[types.Object]ast.Node{},
		inside:  map[types.Object][]types.Object{},
		outside: map[types.Object][]types.Object{},

		bareClient: objects{},
	}
	for _, f := range s.files {
		if !in(s.fileOf(f.Pos())) {
			continue
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				r.addFunc(d)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					r.addSpec(spec)
				}
			}
		}
	}
	return r
}

func (r *reach) addFunc(d *ast.FuncDecl) {
	o := r.src.info.Defs[d.Name]
	r.add(o, d)
	if t := receiver(o); t != nil {
		r.inside[t] = append(r.inside[t], o) // a type brings its methods
	}
}

func (r *reach) addSpec(spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, id := range spec.Names {
			if o := r.src.info.Defs[id]; o != nil {
				r.add(o, spec)
			}
		}
	case *ast.TypeSpec:
		r.add(r.src.info.Defs[spec.Name], spec)
	}
}

// add notes what the declaration of o refers to.
func (r *reach) add(o types.Object, decl ast.Node) {
	r.decl[o] = decl
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			u := r.src.info.Uses[n]
			switch {
			case u == nil:
			case r.src.topLevel(u) && r.in(r.src.fileOf(u.Pos())):
				r.inside[o] = append(r.inside[o], u)
			default:
				r.outside[o] = append(r.outside[o], u)
			}
		case *ast.CompositeLit:
			if typeText(r.src.info.Types[n].Type) == "net/http.Client" && !hasKey(n, "Transport") {
				r.bareClient[o] = true
			}
		}
		return true
	})
}

func hasKey(lit *ast.CompositeLit, key string) bool {
	return slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		id, ok := kv.Key.(*ast.Ident)
		return ok && id.Name == key
	})
}

// from returns what is reached from o: the declarations, o included, in the
// order of the text, and what they use from elsewhere.
func (r *reach) from(o types.Object) (own []types.Object, other objects) {
	seen := objects{}
	other = objects{}
	var follow func(types.Object)
	follow = func(o types.Object) {
		if seen[o] || r.cut[o.Name()] {
			return
		}
		seen[o] = true
		own = append(own, o)
		for _, u := range r.outside[o] {
			other[u] = true
		}
		for _, u := range r.inside[o] {
			follow(u)
		}
	}
	follow(o)
	slices.SortFunc(own, func(a, b types.Object) int { return cmp.Compare(a.Pos(), b.Pos()) })
	return own, other
}
