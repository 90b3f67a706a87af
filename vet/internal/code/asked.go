package code

import (
	"go/constant"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// IsAsked reports whether a source is made for an address that a request says, as a probe's,
// in the handler itself. Who asks, by a token for one, makes no other address of it.
func (c *Code) IsAsked(s Source) bool {
	call, ok := s.In.(*ssa.Call)
	return ok && isHandler(Outermost(s.In.Parent())) && slices.ContainsFunc(Args(call.Common()), func(arg ssa.Value) bool {
		return !isWhole(arg) && !namesHost(arg) && isAsked(arg, map[ssa.Value]bool{})
	})
}

// isWhole reports whether a value is all that a handler is given, rather than something that
// is asked for.
func isWhole(v ssa.Value) bool { return isRequest(v.Type()) && !isMessage(v.Type()) }

// namesHost reports whether a text is written as far as behind its host: what follows is a
// path, or the name of a database.
func namesHost(v ssa.Value) bool {
	text := begin(v)
	_, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		return strings.Contains(text, ")/") // user@tcp(host)/database
	}
	host, _, ok := strings.Cut(rest, "/")
	return ok && !strings.Contains(host[strings.LastIndexByte(host, '@')+1:], "%")
}

// begin is what a text is known to begin with, or its format.
func begin(v ssa.Value) string {
	for {
		switch x := v.(type) {
		case *ssa.Const:
			if x.Value == nil || x.Value.Kind() != constant.String {
				return ""
			}
			return constant.StringVal(x.Value)
		case *ssa.BinOp:
			v = x.X
		case *ssa.Call:
			if FullName(Callee(x.Common())) != "fmt.Sprintf" {
				return ""
			}
			v = x.Call.Args[0]
		default:
			return ""
		}
	}
}

// isAsked reports whether a value is a text, or has one, that is made of what a request
// says.
func isAsked(v ssa.Value, seen map[ssa.Value]bool) bool {
	if v == nil || seen[v] || !mayBeText(v.Type()) {
		return false
	}
	seen[v] = true
	switch v := v.(type) {
	case *ssa.Parameter:
		return isRequest(v.Type())
	case *ssa.FreeVar:
		return isAsked(Captured(v), seen)
	case *ssa.FieldAddr:
		if isAbout(v) {
			return false
		}
		return isSetAsked(v, seen) || isAsked(v.X, seen)
	case *ssa.Alloc:
		return isSetAsked(v, seen)
	case *ssa.Call:
		if isAboutCall(v) {
			return false
		}
	}
	if in, ok := v.(ssa.Instruction); ok {
		return slices.ContainsFunc(in.Operands(nil), func(op *ssa.Value) bool { return isAsked(*op, seen) })
	}
	return false
}

// isSetAsked says it of what is stored in a variable, or in a field or an element of it: of
// options that say where to, in that field.
func isSetAsked(addr ssa.Value, seen map[ssa.Value]bool) bool {
	saysWhere := false
	for name := range Set(addr) {
		saysWhere = saysWhere || slices.Contains(addresses, name)
	}
	for _, in := range *addr.Referrers() {
		switch in := in.(type) {
		case *ssa.Store:
			if in.Addr == addr && isAsked(in.Val, seen) {
				return true
			}
		case *ssa.FieldAddr:
			if in.X == addr && !(saysWhere && !slices.Contains(addresses, FieldName(in))) && isAsked(in, seen) {
				return true
			}
		case *ssa.IndexAddr:
			if in.X == addr && isSetAsked(in, seen) {
				return true
			}
		}
	}
	return false
}

// addresses are the fields of clients' options that say where they connect to.
var addresses = []string{
	"Addr", "Addrs", "Address", "Addresses", "Host", "Hosts", "Hostname", "URL", "URLs", "URI", "BaseURL",
	"Endpoint", "Endpoints", "Server", "Servers", "ServerURL", "Brokers", "DSN", "Target",
}

// mayBeText reports whether a value of the type may be, or have, an address: a number, a
// condition and a context are none.
func mayBeText(t types.Type) bool {
	b, isBasic := t.Underlying().(*types.Basic)
	return !Named(t, "context", "Context") && !(isBasic && b.Info()&types.IsString == 0)
}

// isAbout reports whether a field of a request is about who asks.
func isAbout(f *ssa.FieldAddr) bool {
	return Named(f.X.Type(), "net/http", "Request") && slices.Contains([]string{"Header", "Trailer", "TLS", "RemoteAddr"}, FieldName(f))
}

// isAboutCall reports whether a call asks a request about who asks, or what goes with it: by
// its headers and cookies, by what a middleware has put there.
func isAboutCall(call *ssa.Call) bool {
	recv := receiver(call.Common())
	fn := Callee(call.Common())
	if recv == nil || fn == nil || !isWhole(recv) {
		return false
	}
	switch fn.Name() {
	case "Header", "GetHeader", "GetReqHeaders", "Cookie", "Cookies", "BasicAuth", "UserAgent", "Referer",
		"Get", "MustGet", "GetString", "Value", "UserValue", "Locals", "Keys", "UserContext", "ClientIP", "RealIP":
		return true
	}
	return false
}
