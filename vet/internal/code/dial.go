package code

import (
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
)

// DialsUnix reports whether there is a call in a piece of source that is given the
// network of unix sockets, which have no ports.
func DialsUnix(info *types.Info, n ast.Node) (does bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			does = does || slices.ContainsFunc(call.Args, func(e ast.Expr) bool {
				v := info.Types[e].Value
				return v != nil && v.Kind() == constant.String && constant.StringVal(v) == "unix"
			})
		}
		return !does
	})
	return does
}

// DialsOther reports whether a Transport's literal has functions that dial for it, and
// none of them calls anything that dials as net does: its connections may be of any
// kind.
func DialsOther(info *types.Info, transport *ast.CompositeLit) bool {
	has := false
	for _, name := range []string{"DialContext", "Dial", "DialTLSContext", "DialTLS"} {
		dial := Field(transport, name)
		if dial == nil {
			continue
		}
		lit, ok := dial.Value.(*ast.FuncLit)
		if !ok || dialsIn(info, lit.Body) {
			return false
		}
		has = true
	}
	return has
}

// dialsIn reports whether something in a block is called as net.Dial is.
func dialsIn(info *types.Info, block *ast.BlockStmt) (does bool) {
	ast.Inspect(block, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if t := info.TypeOf(call.Fun); t != nil {
				sig, ok := t.Underlying().(*types.Signature)
				does = does || ok && returnsConn(sig) && takesAddress(sig)
			}
		}
		return !does
	})
	return does
}

func returnsConn(sig *types.Signature) bool {
	if sig.Results().Len() == 0 {
		return false
	}
	t := sig.Results().At(0).Type()
	return Named(t, "net", "Conn") || Named(t, "net", "TCPConn") || Named(t, "crypto/tls", "Conn")
}

// takesAddress reports whether a function has a network's name and an address, one
// after the other.
func takesAddress(sig *types.Signature) bool {
	for i := range sig.Params().Len() - 1 {
		if isString(sig.Params().At(i).Type()) && isAddress(sig.Params().At(i+1).Type()) {
			return true
		}
	}
	return false
}

func isAddress(t types.Type) bool { return isString(t) || Named(t, "net", "TCPAddr") }

func isString(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == types.String
}
