package main

import (
	"context"
	"fmt"
	"go/token"
	"go/types"
	"sort"
	"strings"
)

// A subject is the transport under test.
type subject struct {
	path, typ   string
	module      string
	methods     map[string]bool
	clientConn  string   // what NewClientConn returns a pointer to, as Go text; "" if it is unfit
	extraFields []string // exported, and unknown to http.Transport
}

// loadSubject finds the transport, and refuses one that can't take
// http.Transport's place in the text of the tests.
func loadSubject(ctx context.Context, g *goTool, o *options) (*subject, error) {
	// The package need not import net/http itself. It is compiled as its tests
	// will see it, with what a file of ownTag adds.
	pkgs, err := g.list(ctx, g.dir, "-tags", o.allTags(), o.importPath, "net/http")
	if err != nil {
		return nil, err
	}
	imp := newExports(token.NewFileSet(), pkgs, "", nil)
	pkg, err := imp.Import(o.importPath)
	if err != nil {
		return nil, err
	}
	std, err := imp.Import("net/http")
	if err != nil {
		return nil, err
	}
	s, err := newSubject(pkg, std, o.typeName)
	if err != nil {
		return nil, err
	}
	if m := pkgs[s.path].Module; m != nil {
		s.module = m.Path
	}
	return s, nil
}

func newSubject(pkg, std *types.Package, typ string) (*subject, error) {
	name, ok := pkg.Scope().Lookup(typ).(*types.TypeName)
	if !ok {
		return nil, fmt.Errorf("%s has no type %s", pkg.Path(), typ)
	}
	fields, ok := name.Type().Underlying().(*types.Struct)
	if !ok {
		return nil, fmt.Errorf("%s.%s is not a struct", pkg.Path(), typ)
	}
	s := &subject{path: pkg.Path(), typ: typ, module: pkg.Path(), methods: map[string]bool{}}
	want := std.Scope().Lookup("Transport").Type()
	bad := s.compareFields(fields, want.Underlying().(*types.Struct))
	bad = append(bad, s.compareMethods(name, want, std)...)
	if len(bad) > 0 {
		return nil, fmt.Errorf("%s.%s is no drop-in for http.Transport:\n  %s", s.path, s.typ, strings.Join(bad, "\n  "))
	}
	return s, nil
}

// compareFields says in what the fields differ. More of them are welcome.
func (s *subject) compareFields(have, want *types.Struct) (bad []string) {
	rest := map[string]types.Type{}
	for f := range have.Fields() {
		rest[f.Name()] = f.Type()
	}
	for f := range want.Fields() {
		if !f.Exported() {
			continue
		}
		t, ok := rest[f.Name()]
		switch {
		case !ok:
			bad = append(bad, "no field "+f.Name())
		case !types.Identical(t, f.Type()):
			bad = append(bad, fmt.Sprintf("field %s is %s, want %s", f.Name(), t, f.Type()))
		}
		delete(rest, f.Name())
	}
	for name := range rest {
		if token.IsExported(name) {
			s.extraFields = append(s.extraFields, name)
		}
	}
	sort.Strings(s.extraFields)
	return bad
}

// compareMethods says in what the methods differ. A method that is missing drops
// the tests that call it, but for the two without which nothing works.
func (s *subject) compareMethods(name *types.TypeName, want types.Type, std *types.Package) (bad []string) {
	ptr := types.NewPointer(name.Type())
	have := map[string]*types.Func{}
	for m := range types.NewMethodSet(ptr).Methods() {
		f := m.Obj().(*types.Func)
		have[f.Name()] = f
		s.methods[f.Name()] = true
	}
	for m := range types.NewMethodSet(types.NewPointer(want)).Methods() {
		w := m.Obj().(*types.Func)
		h := have[w.Name()]
		if h == nil || !w.Exported() || w.Name() == "NewClientConn" || w.Name() == "Clone" {
			continue // the last two return types of their own
		}
		if !types.Identical(h.Type(), w.Type()) {
			bad = append(bad, fmt.Sprintf("method %s is %s, want %s", w.Name(), h.Type(), w.Type()))
		}
	}
	for _, need := range []string{"RoundTrip", "CloseIdleConnections"} {
		if have[need] == nil {
			bad = append(bad, "no method "+need)
		}
	}
	if m := have["Clone"]; m != nil {
		r := m.Signature().Results()
		if r.Len() != 1 || !types.Identical(r.At(0).Type(), ptr) {
			bad = append(bad, "method Clone does not return *"+s.typ)
		}
	}
	if m := have["NewClientConn"]; m != nil {
		s.clientConn = clientConn(m.Signature(), name.Pkg(), std)
		s.methods["NewClientConn"] = s.clientConn != ""
	}
	return bad
}

// clientConn returns what a NewClientConn of this signature makes, "" where
// http.Transport's calls would not compile.
func clientConn(sig *types.Signature, pkg, std *types.Package) string {
	if sig.Results().Len() != 2 || sig.Params().Len() != 3 {
		return ""
	}
	ptr, ok := sig.Results().At(0).Type().(*types.Pointer)
	if !ok {
		return ""
	}
	n, ok := ptr.Elem().(*types.Named)
	if !ok {
		return ""
	}
	switch n.Obj().Pkg() {
	case pkg:
		return "conformsubject." + n.Obj().Name()
	case std:
		return "http." + n.Obj().Name()
	}
	return ""
}

// symbol returns an import path as stack traces write it: the dots of its last
// element are escaped there.
func symbol(path string) string {
	i := strings.LastIndex(path, "/") + 1
	return path[:i] + strings.ReplaceAll(path[i:], ".", "%2e")
}
