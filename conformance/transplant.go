package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// movedPrefix is given to what a moved test takes along, since http_test may
	// have the name already.
	movedPrefix = "conformInt_"

	// noCachedConn is a private type of package http of which the shim has an
	// equal one.
	noCachedConn = "http2noCachedConnError"
)

// A transplant moves tests from package http to package http_test, where the
// subject can be imported: it may import net/http itself.
type transplant struct {
	*rewriter
	src     *source
	reach   *reach
	imports map[string]string // names by path
	done    map[ast.Node]bool // declarations that are copied already
	body    bytes.Buffer
}

// transplant moves the tests of the client that use only exported names of
// net/http, and lists the others as dropped. It returns the new file.
func (r *rewriter) transplant() ([]byte, error) {
	t := &transplant{
		rewriter: r, src: r.internal, reach: newReach(r.internal, isInternalTest),
		imports: map[string]string{}, done: map[ast.Node]bool{},
	}
	for fd := range t.src.funcs {
		if !isInternalTest(t.src.fileOf(fd.Pos())) || !t.src.isTest(fd) {
			continue
		}
		own, other := t.reach.from(t.src.info.Defs[fd.Name])
		if !t.touchesClient(other) {
			continue
		}
		moved := test{name: fd.Name.Name, file: t.src.baseOf(fd.Pos())}
		if private := t.private(other); len(private) > 0 {
			moved.dropped = "a white-box test of package http (" + strings.Join(private, ", ") + ")"
		} else if err := t.move(fd, own); err != nil {
			return nil, err
		}
		r.plan.tests = append(r.plan.tests, moved)
	}
	return t.file(), nil
}

// isInternalTest reports whether a file of package http has tests. What
// export_test.go has is seen from http_test.
func isInternalTest(file string) bool {
	return strings.HasSuffix(file, "_test.go") && filepath.Base(file) != "export_test.go"
}

func (t *transplant) touchesClient(used objects) bool {
	for o := range used {
		if isTransport(o) {
			return true
		}
		if t.src.topLevel(o) {
			switch t.src.baseOf(o.Pos()) {
			case "transport.go", "clientconn.go":
				return true
			}
		}
	}
	return false
}

// private returns what a test uses that http_test can't see: some names of the
// package, or if there are none, of fields and methods.
func (t *transplant) private(used objects) []string {
	var names, members []string
	for o := range used {
		switch {
		case o.Pkg() != t.src.pkg || o.Exported() || isInternalTest(t.src.fileOf(o.Pos())) || o.Name() == noCachedConn:
		case t.src.topLevel(o):
			names = append(names, o.Name())
		case isMember(o):
			members = append(members, o.Name())
		}
	}
	if len(names) == 0 {
		names = members
	}
	slices.Sort(names)
	if len(names) > 4 {
		names = append(names[:4], "...")
	}
	return names
}

// move copies a test and what it needs. The original stays where it is, under a
// name that is no test's.
func (t *transplant) move(fd *ast.FuncDecl, own []types.Object) error {
	t.insert(fd.Name.Pos(), "std")
	for _, o := range own {
		n := t.reach.decl[o]
		helper := o != t.src.info.Defs[fd.Name]
		if n == nil || t.done[n] || helper && o.Exported() && t.src.topLevel(o) {
			continue // an exported helper is seen from http_test
		}
		t.done[n] = true
		text, err := t.copy(n)
		if err != nil {
			return fmt.Errorf("moving %s: %w", fd.Name.Name, err)
		}
		fmt.Fprintf(&t.body, "//line %s:%d\n%s\n", t.src.fileOf(n.Pos()), t.src.line(n.Pos()), text)
	}
	return nil
}

// copy returns the text of a declaration as it is in http_test.
func (t *transplant) copy(decl ast.Node) (string, error) {
	base := t.src.offset(decl.Pos())
	var edits []edit
	ast.Inspect(decl, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		o := t.src.info.Uses[id]
		if o == nil {
			o = t.src.info.Defs[id]
		}
		start, end := t.src.offset(id.Pos())-base, t.src.offset(id.End())-base
		switch {
		case o == nil:
		case isTransport(o):
			edits = append(edits, edit{start: start, end: end, text: "conformTransport"})
		case o.Name() == noCachedConn && t.src.topLevel(o):
			edits = append(edits, edit{start: start, end: end, text: "conformNoCachedConnError"})
		case t.src.topLevel(o) && isInternalTest(t.src.fileOf(o.Pos())) && !o.Exported():
			edits = append(edits, edit{start: start, end: start, text: movedPrefix})
		}
		if p, ok := o.(*types.PkgName); ok {
			t.imports[p.Imported().Path()] = p.Name()
		}
		return true
	})
	text, err := apply([]byte(t.src.src(decl)), edits)
	if err != nil {
		return "", err
	}
	keyword := ""
	switch decl.(type) {
	case *ast.ValueSpec:
		keyword = "var "
	case *ast.TypeSpec:
		keyword = "type "
	}
	return keyword + string(text), nil
}

// file returns the file of what was moved.
func (t *transplant) file() []byte {
	var out bytes.Buffer
	out.WriteString("package http_test\n\nimport (\n\t. \"net/http\"\n")
	for _, path := range slices.Sorted(maps.Keys(t.imports)) {
		fmt.Fprintf(&out, "\t%s %q\n", t.imports[path], path)
	}
	out.WriteString(")\n\nvar _ = Get\n\n")
	out.Write(t.body.Bytes())
	return out.Bytes()
}
