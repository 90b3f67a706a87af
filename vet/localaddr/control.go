package localaddr

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/berth-go/berth/vet/internal/code"
)

// controls are the fields of a dialer by which a connection's options are set.
var controls = []string{"Control", "ControlContext"}

// bindAddressNoPort is IP_BIND_ADDRESS_NO_PORT (include/uapi/linux/in.h).
const bindAddressNoPort = "24"

// maxDepth is how many calls deep a Control is looked at.
const maxDepth = 3

// setsControl reports whether the function gives a dialer its Control by assignment, or
// gives the dialer to one of its package that does.
func setsControl(pass *analysis.Pass, stack []ast.Node) (sets bool) {
	body := bodyAround(stack)
	if body == nil || assignsControl(pass, body) {
		return body != nil
	}
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok && slices.ContainsFunc(call.Args, func(arg ast.Expr) bool { return code.Named(pass.TypesInfo.TypeOf(arg), "net", "Dialer") }) {
			helper := code.BodyOf(pass, call.Fun)
			sets = sets || helper != nil && assignsControl(pass, helper)
		}
		return !sets
	})
	return sets
}

func assignsControl(pass *analysis.Pass, body *ast.BlockStmt) (does bool) {
	assignments(body, func(lhs, rhs []ast.Expr) {
		for i, left := range lhs {
			sel, ok := left.(*ast.SelectorExpr)
			if ok && slices.Contains(controls, sel.Sel.Name) && code.Named(pass.TypesInfo.TypeOf(sel.X), "net", "Dialer") {
				does = does || len(lhs) != len(rhs) || mayBindLate(pass, rhs[i])
			}
		}
	})
	return does
}

// mayBindLate reports whether a Control may set IP_BIND_ADDRESS_NO_PORT: not if all that it
// sets can be seen, and is something else. One that sets nothing is for another system.
func mayBindLate(pass *analysis.Pass, control ast.Expr) bool {
	body := code.BodyOf(pass, control)
	if body == nil {
		return true
	}
	others, all := setsOthers(pass, body, 0)
	return !others || !all
}

// setsOthers reports whether a function sets options, and whether none that it sets may be
// IP_BIND_ADDRESS_NO_PORT, for all that it calls.
func setsOthers(pass *analysis.Pass, body *ast.BlockStmt, depth int) (others, all bool) {
	all = true
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || pass.TypesInfo.Types[call.Fun].IsType() || pass.TypesInfo.Types[call.Fun].IsBuiltin() {
			return all
		}
		fn, _ := typeutil.Callee(pass.TypesInfo, call).(*types.Func)
		called := code.BodyOf(pass, call.Fun)
		switch {
		case fn != nil && strings.HasPrefix(fn.Name(), "Setsockopt") && len(call.Args) > 2: // fd, level, option
			option := pass.TypesInfo.Types[call.Args[2]].Value
			others, all = true, all && option != nil && option.ExactString() != bindAddressNoPort
		case called != nil && depth < maxDepth:
			sets, known := setsOthers(pass, called, depth+1)
			others, all = others || sets, all && known
		default:
			all = all && fn != nil && fn.Pkg() != nil && isSystem(pass, fn.Pkg().Path())
		}
		return all
	})
	return others, all
}

// isSystem reports whether a package is the standard library's, or golang.org/x/sys: it sets
// no option but that which it is told.
func isSystem(pass *analysis.Pass, path string) bool {
	first, _, _ := strings.Cut(path, "/")
	own := ""
	if pass.Module != nil {
		own, _, _ = strings.Cut(pass.Module.Path, "/") // which needs no dot
	}
	return first != own && !strings.Contains(first, ".") || strings.HasPrefix(path, "golang.org/x/sys/")
}
