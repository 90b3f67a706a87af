package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
)

// A test is one of the suite's that exercise the transport.
type test struct {
	name, file string
	dropped    string // why it can't run with another transport, if it can't
	weakened   string // what it no longer checks
}

// A plan is the suite as it will be run.
type plan struct {
	files    map[string][]byte // what stands in the place of net/http's files, by full path
	tests    []test
	warnings []string
}

// A rewriter turns the suite into one of the subject. It changes the text where
// the types say so, and keeps the rest as it is: an error then names the line
// that one can look up.
type rewriter struct {
	*suite
	*editor
	subject  *subject
	stubs    map[string]string       // shim functions for methods that the subject lacks: their source by name
	weakened map[types.Object]string // functions that a patch weakens, and how
	plan     plan
}

func newRewriter(s *suite, sub *subject) *rewriter {
	return &rewriter{
		suite: s, editor: newEditor(s.external.fset), subject: sub,
		stubs: map[string]string{}, weakened: map[types.Object]string{},
		plan: plan{files: map[string][]byte{}},
	}
}

func rewrite(s *suite, sub *subject) (*plan, error) {
	r := newRewriter(s, sub)
	r.patch(patches)
	for _, f := range s.external.files {
		r.walk(f)
	}
	r.selectTests()
	moved, err := r.transplant()
	if err != nil {
		return nil, err
	}
	r.add("zz_conform_transplant_test.go", moved)
	for name, text := range r.shim() {
		r.add(name, text)
	}
	for name, edits := range r.byFile {
		text := s.external.text[name]
		if text == nil {
			text = s.internal.text[name]
		}
		if r.plan.files[name], err = apply(text, edits); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return &r.plan, nil
}

func (r *rewriter) add(name string, text []byte) {
	r.plan.files[filepath.Join(r.dir, name)] = text
}

// A fileWalk makes the changes to one file that need no knowledge of particular
// tests.
type fileWalk struct {
	*rewriter
	src   *source
	stack []ast.Node // from the file to the node that is looked at
	drops map[*ast.BlockStmt]bool
}

func (r *rewriter) walk(f *ast.File) {
	w := &fileWalk{rewriter: r, src: r.external, drops: map[*ast.BlockStmt]bool{}}
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			w.stack = w.stack[:len(w.stack)-1]
			return true
		}
		w.stack = append(w.stack, n)
		deeper := w.visit(n)
		if !deeper {
			w.stack = w.stack[:len(w.stack)-1] // Inspect won't tell when it leaves n
		}
		return deeper
	})
}

// visit reports whether the parts of n are to be visited too.
func (w *fileWalk) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectorExpr: // http.Transport
		if id, ok := n.X.(*ast.Ident); ok {
			if _, ok := w.src.info.Uses[id].(*types.PkgName); ok {
				w.name(n, w.src.info.Uses[n.Sel])
				return false
			}
		}
	case *ast.Ident: // Transport: most files import net/http with a dot
		w.name(n, w.src.info.Uses[n])
	case *ast.BinaryExpr:
		if (n.Op == token.EQL || n.Op == token.NEQ) && w.isPrivateErr(n.Y) {
			w.compareErr(n)
		}
	case *ast.CallExpr:
		if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
			w.call(n, sel)
		}
	}
	return true
}

// name replaces a use of o, if that is a name to replace.
func (w *fileWalk) name(n ast.Expr, o types.Object) {
	switch {
	case isTransport(o):
		w.replaceNode(n, "conformTransport")
	case isHTTP(o, "ClientConn") && w.subject.clientConn != "":
		w.replaceNode(n, "conformClientConn")
	case ofHTTP(o) && hooks[o.Name()] != "":
		w.replaceNode(n, hooks[o.Name()])
	case ofHTTP(o) && needsHook[o.Name()]:
		w.drop("needs the hook " + o.Name())
	case w.src.topLevel(o) && o.Name() == "afterTest":
		w.replaceNode(n, "conformAfterTest")
	}
}

// isPrivateErr reports whether e is an error that only package http knows, and
// export_test.go has a name for.
func (w *fileWalk) isPrivateErr(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	if sel, is := e.(*ast.SelectorExpr); is {
		id, ok = sel.Sel, true
	}
	return ok && ofHTTP(w.src.info.Uses[id]) && strings.HasPrefix(id.Name, "ExportErr")
}

// compareErr turns err == ExportErr into conformSameErr(err, ExportErr).
func (w *fileWalk) compareErr(n *ast.BinaryExpr) {
	not := ""
	if n.Op == token.NEQ {
		not = "!"
	}
	w.insert(n.X.Pos(), not+"conformSameErr(")
	w.replace(n.X.End(), n.Y.Pos(), ", ")
	w.insert(n.Y.End(), ")")
}

func (w *fileWalk) call(n *ast.CallExpr, sel *ast.SelectorExpr) {
	o := w.src.info.Uses[sel.Sel]
	switch {
	case o == nil || o.Pkg() == nil:
	case o.Pkg().Path() == "errors" && o.Name() == "Is" && len(n.Args) == 2 && w.isPrivateErr(n.Args[1]):
		w.replaceNode(sel, "conformSameErr")
	case isMethod(o, "net/http/httptest.Server") && o.Name() == "Client":
		w.insert(sel.X.Pos(), "conformClient(")
		w.replace(sel.X.End(), n.End(), ")")
	case isMethod(o, "net/http.Transport") && !w.subject.methods[o.Name()] && !w.patchedAt(n.Pos()):
		w.callShim(n, sel, o.(*types.Func))
	}
}

// callShim turns the call of a method that the subject lacks, tr.M(x), into one
// of a function of the shim, shimM(tr, x). If that can't do what the method
// does, the test is dropped.
func (w *fileWalk) callShim(n *ast.CallExpr, sel *ast.SelectorExpr, m *types.Func) {
	to, ok := probes[m.Name()]
	if !ok {
		to = "conformStub_" + m.Name()
		w.stubs[to] = stub(to, m)
		w.drop("needs the method " + m.Name())
	}
	w.insert(sel.X.Pos(), to+"(")
	sep := ""
	if len(n.Args) > 0 {
		sep = ", "
	}
	w.replace(sel.X.End(), n.Lparen+1, sep)
}

// drop makes the test or subtest that is looked at skip itself.
func (w *fileWalk) drop(why string) {
	body := w.enclosing()
	if body == nil {
		w.warn("%v: can't be dropped (%s)", w.fset.Position(w.stack[len(w.stack)-1].Pos()), why)
		return
	}
	if !w.drops[body] {
		w.drops[body] = true
		w.insert(body.Lbrace+1, fmt.Sprintf(" conformDrop(t, %q);", why))
	}
}

// enclosing returns the innermost function around that has a test as its
// parameter t.
func (w *fileWalk) enclosing() *ast.BlockStmt {
	for i := len(w.stack) - 1; i >= 0; i-- {
		switch n := w.stack[i].(type) {
		case *ast.FuncLit:
			if w.hasT(n.Type) {
				return n.Body
			}
		case *ast.FuncDecl:
			if w.hasT(n.Type) {
				return n.Body
			}
		}
	}
	return nil
}

func (w *fileWalk) hasT(f *ast.FuncType) bool {
	for _, p := range f.Params.List {
		for _, id := range p.Names {
			if id.Name != "t" {
				continue
			}
			switch typeText(w.src.info.Defs[id].Type()) {
			case "*testing.T", "testing.TB":
				return true
			}
		}
	}
	return false
}

// stub writes a shim function for a method that the subject lacks. It only has
// to compile: each function that calls it is dropped at its start.
func stub(name string, m *types.Func) string {
	pkg := func(p *types.Package) string { return p.Name() }
	sig := m.Signature()
	params := []string{"*conformTransport"}
	for p := range sig.Params().Variables() {
		params = append(params, types.TypeString(p.Type(), pkg))
	}
	if sig.Variadic() {
		last := &params[len(params)-1]
		*last = "..." + strings.TrimPrefix(*last, "[]")
	}
	results := types.TypeString(sig.Results(), pkg)
	if m.Name() == "Clone" {
		results = "*conformTransport"
	}
	return fmt.Sprintf("func %s(%s) %s { panic(%q) }\n", name, strings.Join(params, ", "), results, name)
}
