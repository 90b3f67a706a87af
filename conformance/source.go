package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
)

// A source is one type-checked package with the text of its files.
type source struct {
	fset  *token.FileSet
	pkg   *types.Package
	info  *types.Info
	files []*ast.File
	text  map[string][]byte // by full path
}

func loadSource(fset *token.FileSet, path string, p *listed, imp types.Importer) (*source, error) {
	var names []string
	text := map[string][]byte{}
	for _, name := range p.GoFiles {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		text[name] = b
	}
	return checkSource(fset, path, names, text, imp)
}

// checkSource parses and type-checks files, in the order of their names.
func checkSource(fset *token.FileSet, path string, names []string, text map[string][]byte, imp types.Importer) (*source, error) {
	s := &source{fset: fset, text: text}
	for _, name := range names {
		f, err := parser.ParseFile(fset, name, text[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, f)
	}
	s.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{},
		Defs:  map[*ast.Ident]types.Object{},
		Uses:  map[*ast.Ident]types.Object{},
	}
	conf := types.Config{Importer: imp}
	var err error
	if s.pkg, err = conf.Check(path, fset, s.files, s.info); err != nil {
		return nil, fmt.Errorf("type-checking %s: %w", path, err)
	}
	return s, nil
}

func (s *source) offset(p token.Pos) int    { return s.fset.Position(p).Offset }
func (s *source) line(p token.Pos) int      { return s.fset.Position(p).Line }
func (s *source) fileOf(p token.Pos) string { return s.fset.Position(p).Filename }
func (s *source) baseOf(p token.Pos) string { return filepath.Base(s.fileOf(p)) }

// src returns the text of n.
func (s *source) src(n ast.Node) string {
	return string(s.text[s.fileOf(n.Pos())][s.offset(n.Pos()):s.offset(n.End())])
}

// topLevel reports whether o is declared at the top level of this package.
func (s *source) topLevel(o types.Object) bool {
	return o != nil && o.Pkg() == s.pkg && o.Parent() == s.pkg.Scope()
}

// funcs yields the functions of all files, in order.
func (s *source) funcs(yield func(*ast.FuncDecl) bool) {
	for _, f := range s.files {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && !yield(fd) {
				return
			}
		}
	}
}

// isHTTP reports whether o is what net/http declares as name at its top level.
func isHTTP(o types.Object, name string) bool {
	return ofHTTP(o) && o.Name() == name
}

// ofHTTP reports whether o is declared at net/http's top level.
func ofHTTP(o types.Object) bool {
	return o != nil && o.Pkg() != nil && o.Pkg().Path() == "net/http" && o.Parent() == o.Pkg().Scope()
}

func isTransport(o types.Object) bool {
	_, ok := o.(*types.TypeName)
	return ok && isHTTP(o, "Transport")
}

// receiver returns the type that method o belongs to, nil if o is none.
func receiver(o types.Object) *types.TypeName {
	fn, ok := o.(*types.Func)
	if !ok || fn.Signature().Recv() == nil {
		return nil
	}
	t := fn.Signature().Recv().Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj()
	}
	return nil
}

// isMethod reports whether o is a method of the type, such as net/http.Transport.
func isMethod(o types.Object, typ string) bool {
	r := receiver(o)
	return r != nil && r.Pkg() != nil && r.Pkg().Path()+"."+r.Name() == typ
}

// isMember reports whether o is a field or a method.
func isMember(o types.Object) bool {
	if v, ok := o.(*types.Var); ok {
		return v.IsField()
	}
	return receiver(o) != nil
}

// isTest reports whether fd is a test as the go command knows them.
func (s *source) isTest(fd *ast.FuncDecl) bool {
	if fd.Recv != nil || !strings.HasPrefix(fd.Name.Name, "Test") || fd.Name.Name == "TestMain" {
		return false
	}
	params := s.info.Defs[fd.Name].(*types.Func).Signature().Params()
	return params.Len() == 1 && typeText(params.At(0).Type()) == "*testing.T"
}

func typeText(t types.Type) string { return types.TypeString(t, nil) }
