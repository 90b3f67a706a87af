package newtransport

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
)

// fix moves a Transport to a package variable, where it is the same whoever makes it,
// and nothing is done with it but requests.
func fix(pass *analysis.Pass, c *code.Code, names map[string]bool, s code.Source, r *code.Report) {
	if s.Fn != nil || c.IsTest(s.In.Pos()) || !isOnlyUsed(c, s.Value) {
		return
	}
	file, made, decl := expression(pass, c, s.Value)
	if made == nil || !isConstant(pass, made) {
		return
	}
	text, err := pass.ReadFile(pass.Fset.Position(made.Pos()).Filename)
	if err != nil {
		return
	}
	name := freeName(pass, file, decl)
	if name == "" || names[name] {
		return
	}
	names[name] = true
	from, to := pass.Fset.Position(made.Pos()).Offset, pass.Fset.Position(made.End()).Offset
	at := decl.Pos()
	if decl.Doc != nil {
		at = decl.Doc.Pos()
	}
	r.FixName = "make it once, in a package variable"
	r.Fix = []analysis.TextEdit{
		{Pos: at, End: at, NewText: fmt.Appendf(nil, "var %s = %s\n\n", name, text[from:to])},
		{Pos: made.Pos(), End: made.End(), NewText: []byte(name)},
	}
}

// isOnlyUsed reports whether a Transport is used for requests, by itself or by a
// client, and not changed after it was made, or closed, which others would notice.
func isOnlyUsed(c *code.Code, v ssa.Value) bool {
	var lit *ast.CompositeLit
	if a, ok := v.(*ssa.Alloc); ok {
		lit = c.Literal(a)
	}
	for _, in := range *v.Referrers() {
		switch in := in.(type) {
		case *ssa.FieldAddr:
			if lit == nil || in.Pos() < lit.Pos() || in.Pos() >= lit.End() {
				return false
			}
		case *ssa.MakeInterface:
			for _, use := range *in.Referrers() {
				if s, ok := use.(*ssa.Store); !ok || s.Val != in || !isClients(s.Addr) {
					return false
				}
			}
		case *ssa.Call:
			if !code.IsRequest(code.Callee(in.Common())) {
				return false
			}
		case *ssa.DebugRef:
		default:
			return false
		}
	}
	return true
}

// isClients reports whether an address is the Transport of a client that makes
// requests, and is asked for nothing else.
func isClients(addr ssa.Value) bool {
	field, ok := addr.(*ssa.FieldAddr)
	if !ok || !code.Named(field.X.Type(), "net/http", "Client") || len(*field.Referrers()) != 1 {
		return false
	}
	client, ok := field.X.(*ssa.Alloc)
	return ok && onlyRequests(client, field, map[*ssa.Alloc]bool{})
}

func onlyRequests(client *ssa.Alloc, transport *ssa.FieldAddr, seen map[*ssa.Alloc]bool) bool {
	seen[client] = true
	for _, in := range *client.Referrers() {
		switch in := in.(type) {
		case *ssa.FieldAddr:
			if code.FieldName(in) == "Transport" && in != transport {
				return false
			}
		case *ssa.Store:
			if in.Addr != client {
				return false
			}
		case *ssa.UnOp: // a literal, for a variable
			for _, use := range *in.Referrers() {
				s, ok := use.(*ssa.Store)
				if !ok {
					return false
				}
				if to, ok := s.Addr.(*ssa.Alloc); !ok || seen[to] || !onlyRequests(to, nil, seen) {
					return false
				}
			}
		case *ssa.Call:
			if !code.IsRequest(code.Callee(in.Common())) {
				return false
			}
		case *ssa.DebugRef:
		default:
			return false
		}
	}
	return true
}

// expression is what makes a Transport, as it is written, and the function that it is
// in: &http.Transport{…}. A clone of the default one is what that is when it is made,
// which may be changed after the package's variables are.
func expression(pass *analysis.Pass, c *code.Code, v ssa.Value) (*ast.File, ast.Expr, *ast.FuncDecl) {
	pos := v.Pos()
	for _, f := range pass.Files {
		if pos < f.FileStart || pos >= f.FileEnd {
			continue
		}
		path, _ := astutil.PathEnclosingInterval(f, pos, pos)
		var made ast.Expr
		for _, n := range path {
			switch n := n.(type) {
			case *ast.UnaryExpr:
				if lit, ok := n.X.(*ast.CompositeLit); ok && made == nil && lit.Lbrace == pos {
					made = n
				}
			case *ast.FuncDecl:
				if made == nil || n.Type.TypeParams != nil {
					return nil, nil, nil
				}
				return f, made, n
			}
		}
	}
	return nil, nil, nil
}

// isConstant reports whether an expression is the same wherever it stands, and
// whenever: it has no variable, calls nothing, and names no function of its package,
// which may come to the variable that it is for.
func isConstant(pass *analysis.Pass, e ast.Expr) bool {
	is := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			is = false
		case *ast.CallExpr:
			is = is && pass.TypesInfo.Types[n.Fun].IsType()
		case *ast.Ident:
			switch obj := pass.TypesInfo.ObjectOf(n).(type) {
			case *types.Var:
				is = is && obj.IsField()
			case *types.Func:
				is = is && obj.Pkg() != pass.Pkg
			case *types.Const, *types.TypeName:
				is = is && (obj.Parent() == types.Universe || obj.Pkg() != pass.Pkg || obj.Parent() == pass.Pkg.Scope())
			}
		}
		return is
	})
	return is
}

// freeName is one for a package variable that nothing has, there, in the function, or in
// a file that is for other systems.
func freeName(pass *analysis.Pass, file *ast.File, decl *ast.FuncDecl) string {
	first, n := utf8.DecodeRuneInString(decl.Name.Name)
	name := string(unicode.ToLower(first)) + decl.Name.Name[n:] + "Transport"
	if pass.Pkg.Scope().Lookup(name) != nil || pass.TypesInfo.Scopes[file].Lookup(name) != nil {
		return ""
	}
	taken := slices.ContainsFunc(pass.IgnoredFiles, func(other string) bool {
		text, err := pass.ReadFile(other)
		return err != nil || bytes.Contains(text, []byte(name))
	})
	ast.Inspect(decl, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		taken = taken || ok && id.Name == name
		return !taken
	})
	if taken {
		return ""
	}
	return name
}
