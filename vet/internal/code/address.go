package code

import (
	"go/constant"
	"go/token"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// A Host is what is known of the address that a request goes to.
type Host uint8

// Hosts.
const (
	Unknown Host = iota
	Same         // each time: a constant, a variable, or a field
	Given        // by who calls the function
	Each         // to its own: an element of a list, what a channel has
)

// HostOf says it of a request that is made again and again.
func HostOf(request *ssa.CallCommon) Host {
	if u := target(request); u != nil {
		return hostIn(u, 0)
	}
	return Unknown
}

// IsHTTPS reports whether a request's address is known to begin with https://.
func (c *Code) IsHTTPS(request *ssa.CallCommon) bool {
	u := target(request)
	for range maxDepth {
		switch v := u.(type) {
		case *ssa.Const:
			return Begins(v, "https://")
		case *ssa.BinOp:
			u = v.X
		case *ssa.Call:
			if FullName(Callee(v.Common())) != "fmt.Sprintf" {
				return false
			}
			format := v.Call.Args[0]
			if u = format; Begins(format, "%s") {
				u = firstOf(v.Call.Args[1])
			}
		case *ssa.MakeInterface:
			u = v.X
		case *ssa.UnOp:
			if g, ok := v.X.(*ssa.Global); !ok {
				u = onlyStore(v.X)
			} else if set := c.globals[g]; len(set) == 1 {
				u = set[0]
			} else {
				return false
			}
		default:
			return false
		}
	}
	return false
}

// Begins reports whether a value is a constant text that begins so.
func Begins(v ssa.Value, with string) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value != nil && c.Value.Kind() == constant.String && strings.HasPrefix(constant.StringVal(c.Value), with)
}

// target is the address of a request, or the request, where that was made elsewhere,
// or nil.
func target(request *ssa.CallCommon) ssa.Value {
	args := Args(request)
	at := -1
	switch FullName(Callee(request)) {
	case "net/http.Get", "net/http.Head", "net/http.Post", "net/http.PostForm":
		at = 0
	case "(net/http.Client).Get", "(net/http.Client).Head", "(net/http.Client).Post", "(net/http.Client).PostForm":
		at = 1
	case "(net/http.Client).Do", "(net/http.Transport).RoundTrip", "(net/http.RoundTripper).RoundTrip":
		return ofRequest(args[1])
	}
	if at < 0 {
		return nil
	}
	return args[at]
}

// ofRequest is target for a request that was made before.
func ofRequest(req ssa.Value) ssa.Value {
	made := requestMade(req)
	call, ok := made.(*ssa.Call)
	if !ok {
		if _, ok := made.(*ssa.Parameter); ok {
			return made
		}
		return nil
	}
	switch FullName(Callee(call.Common())) {
	case "net/http.NewRequest":
		return call.Call.Args[1]
	case "net/http.NewRequestWithContext":
		return call.Call.Args[2]
	}
	return nil
}

// requestMade is what made a request, of which others are copies.
func requestMade(req ssa.Value) ssa.Value {
	for range maxDepth {
		req = Root(Outer(Root(req)))
		call, ok := req.(*ssa.Call)
		if !ok {
			return req
		}
		of := requestOf(call)
		if of == nil {
			return req
		}
		req = of
	}
	return req
}

// requestOf is the request that a call is given which returns one, as WithContext
// does and a helper that signs it: it is the same, or a copy.
func requestOf(call *ssa.Call) ssa.Value {
	if res := call.Call.Signature().Results(); res.Len() == 0 || !Named(res.At(0).Type(), "net/http", "Request") {
		return nil
	}
	for _, arg := range Args(call.Common()) {
		if Named(arg.Type(), "net/http", "Request") {
			return arg
		}
	}
	return nil
}

// Method is a request's, in capitals, where it is a constant, or nothing.
func Method(request *ssa.CallCommon) string {
	name := FullName(Callee(request))
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "Get":
		return "GET"
	case "Head":
		return "HEAD"
	case "Post", "PostForm":
		return "POST"
	}
	for _, arg := range request.Args {
		if made, ok := requestMade(arg).(*ssa.Call); ok {
			for _, a := range made.Call.Args {
				if c, ok := a.(*ssa.Const); ok && c.Value != nil && c.Value.Kind() == constant.String {
					if m := strings.ToUpper(constant.StringVal(c.Value)); m == "" {
						return "GET"
					} else if slices.Contains(methods, m) {
						return m
					}
				}
			}
		}
	}
	return ""
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// HostIn says it of an address.
func HostIn(addr ssa.Value) Host { return hostIn(addr, 0) }

// hostIn says it of an address, which begins with its host.
func hostIn(addr ssa.Value, depth int) Host {
	if depth > 3*maxDepth {
		return Unknown
	}
	depth++
	switch v := Outer(addr).(type) {
	case *ssa.Const, *ssa.Global:
		return Same
	case *ssa.Parameter:
		if IsLoopBody(v.Parent()) {
			return Each
		}
		if v.Parent().Parent() != nil {
			return given(v, depth)
		}
		if v.Parent().Signature.Recv() != nil && v == v.Parent().Params[0] {
			return Same
		}
		return Given
	case *ssa.BinOp:
		if v.Op == token.ADD && isScheme(v.X) {
			return hostIn(v.Y, depth)
		}
		if v.Op == token.ADD {
			return hostIn(v.X, depth)
		}
	case *ssa.UnOp:
		if v.Op == token.ARROW {
			return Each
		}
		if local := onlyStore(v.X); local != nil {
			return hostIn(local, depth)
		}
		return hostIn(v.X, depth)
	case *ssa.FieldAddr:
		return hostIn(v.X, depth)
	case *ssa.Field:
		return hostIn(v.X, depth)
	case *ssa.MakeInterface:
		return hostIn(v.X, depth)
	case *ssa.ChangeType:
		return hostIn(v.X, depth)
	case *ssa.Alloc:
		if local := onlyStore(v); local != nil {
			return hostIn(local, depth)
		}
	case *ssa.IndexAddr, *ssa.Index, *ssa.Lookup:
		return Each
	case *ssa.Extract:
		switch t := v.Tuple.(type) {
		case *ssa.Next, *ssa.Select, *ssa.Lookup, *ssa.UnOp:
			return Each
		case *ssa.Call:
			return ofCall(t, depth)
		}
	case *ssa.Call:
		return ofCall(v, depth)
	}
	return Unknown
}

// isScheme reports whether a text is http:// alone.
func isScheme(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value != nil && c.Value.Kind() == constant.String && strings.HasSuffix(constant.StringVal(c.Value), "://")
}

// ofCall says it of what a call makes of its arguments.
func ofCall(call *ssa.Call, depth int) Host {
	args := call.Call.Args
	switch FullName(Callee(call.Common())) {
	case "net.JoinHostPort", "strings.TrimRight", "strings.TrimSuffix", "strings.TrimSpace", "net/url.JoinPath", "net/url.Parse",
		"(net/url.URL).String", "(net/url.URL).JoinPath", "(net/url.URL).ResolveReference":
		return hostIn(args[0], depth)
	case "fmt.Sprintf":
		format, ok := args[0].(*ssa.Const)
		if !ok || format.Value == nil || format.Value.Kind() != constant.String {
			return Unknown
		}
		text := constant.StringVal(format.Value)
		if _, host, ok := strings.Cut(text, "://"); ok && host != "" && !strings.HasPrefix(host, "%") {
			return Same
		}
		if i := strings.IndexByte(text, '%'); i >= 0 && i+1 < len(text) && strings.IndexByte("sv", text[i+1]) >= 0 {
			if first := firstOf(args[1]); first != nil {
				return hostIn(first, depth)
			}
		}
	}
	return Unknown
}

// firstOf is the first of the values that a call's … has.
func firstOf(slice ssa.Value) ssa.Value {
	s, ok := slice.(*ssa.Slice)
	if !ok {
		return nil
	}
	array, ok := s.X.(*ssa.Alloc)
	if !ok {
		return nil
	}
	for _, in := range *array.Referrers() {
		at, ok := in.(*ssa.IndexAddr)
		if !ok {
			continue
		}
		if i, ok := at.Index.(*ssa.Const); ok && i.Int64() == 0 {
			return OnlyStored(at)
		}
	}
	return nil
}

// given says it of a literal's parameter, by what the call that runs it gives.
func given(p *ssa.Parameter, depth int) Host {
	lit := p.Parent()
	at := -1
	for i, q := range lit.Params {
		if p == q {
			at = i
		}
	}
	for _, call := range Calls(lit.Parent()) {
		if literalOf(call.Value) == lit && at >= 0 && at < len(call.Args) {
			return hostIn(call.Args[at], depth)
		}
	}
	return Unknown
}

// Outer is what a literal has from the function around it: of a variable of that,
// the only value.
func Outer(v ssa.Value) ssa.Value {
	for {
		bound := Captured(v)
		if bound == v {
			return v
		}
		v = bound
		if val := onlyStore(v); val != nil {
			v = val
		}
	}
}

// Captured is the variable around a literal that it captured, or what it was given.
func Captured(v ssa.Value) ssa.Value {
	for {
		free, ok := v.(*ssa.FreeVar)
		if !ok {
			return v
		}
		bound := binding(free)
		if bound == nil {
			return v
		}
		v = bound
	}
}

// binding is the variable that a literal captured.
func binding(free *ssa.FreeVar) ssa.Value {
	lit := free.Parent()
	for i, v := range lit.FreeVars {
		if v != free {
			continue
		}
		for _, b := range lit.Parent().Blocks {
			for _, in := range b.Instrs {
				if c, ok := in.(*ssa.MakeClosure); ok && c.Fn == lit {
					return c.Bindings[i]
				}
			}
		}
	}
	return nil
}
