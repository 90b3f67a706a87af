package main

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// selectTests finds the tests of package http_test that reach the transport.
func (r *rewriter) selectTests() {
	g := newReach(r.external, func(string) bool { return true })
	// What every test of the package does or has is no use of the transport. Of
	// clientServerTest the fields count, where a test names them.
	g.cut = map[string]bool{"newClientServerTest": true, "clientServerTest": true, "close": true, "afterTest": true}
	for fd := range r.external.funcs {
		if r.external.isTest(fd) {
			r.selectTest(g, fd)
		}
	}
}

func (r *rewriter) selectTest(g *reach, fd *ast.FuncDecl) {
	own, other := g.from(r.external.info.Defs[fd.Name])
	hit := slices.ContainsFunc(own, func(o types.Object) bool { return g.bareClient[o] })
	pending := false
	for o := range other {
		hit = hit || usesTransport(o)
		pending = pending || isMethod(o, "net/http.Transport") && o.Name() == "NumPendingRequestsForTesting"
	}
	if !hit {
		return
	}
	var weak []string
	for _, o := range own {
		if w := r.weakened[o]; w != "" && !slices.Contains(weak, w) {
			weak = append(weak, w)
		}
	}
	if pending && !r.subject.methods["NumPendingRequestsForTesting"] {
		weak = append(weak, "does not see the count of pending requests, unless the type has NumPendingRequestsForTesting")
	}
	t := test{name: fd.Name.Name, file: r.external.baseOf(fd.Pos()), weakened: strings.Join(weak, "; ")}
	r.plan.tests = append(r.plan.tests, t)
}

// usesTransport reports whether o is a way to the transport under test.
func usesTransport(o types.Object) bool {
	if isTransport(o) || isMethod(o, "net/http/httptest.Server") && o.Name() == "Client" {
		return true
	}
	if v, ok := o.(*types.Var); ok && v.IsField() { // those of clientServerTest
		switch typeText(v.Type()) {
		case "*net/http.Client":
			return v.Name() == "c"
		case "*net/http.Transport":
			return v.Name() == "tr"
		}
	}
	return slices.ContainsFunc([]string{"DefaultTransport", "DefaultClient", "Get", "Head", "Post", "PostForm"},
		func(name string) bool { return isHTTP(o, name) })
}
