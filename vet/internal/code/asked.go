package code

import (
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// IsAsked reports whether a source is made for an address that a request says, as a probe's, in
// the handler or in what it calls. Who asks, by a token for one, makes no other address of it.
func (c *Code) IsAsked(s Source) bool { return c.asks(s, false) }

// IsAskedHere is IsAsked for a call that does more than to make a pool: what the handler itself
// reads of the request may be an address, and what others have read is a name.
func (c *Code) IsAskedHere(s Source) bool {
	return isHandler(Outermost(s.In.Parent())) && c.asks(s, true)
}

func (c *Code) asks(s Source, here bool) bool {
	call, ok := s.In.(*ssa.Call)
	return ok && slices.ContainsFunc(Args(call.Common()), func(arg ssa.Value) bool {
		return isText(arg.Type()) && !isWhole(arg) && !c.namesHost(arg) && asking{c, here, map[ssa.Value]bool{}}.isAsked(arg)
	})
}

// isWhole reports whether a value is all that a handler is given, rather than something that
// is asked for.
func isWhole(v ssa.Value) bool { return isRequest(v.Type()) && !isMessage(v.Type()) }

// isText reports whether a value of the type may be an address, or have one: no number, and
// no condition.
func isText(t types.Type) bool {
	b, isBasic := t.Underlying().(*types.Basic)
	return !isBasic || b.Info()&types.IsString != 0
}

// asking knows which values were looked at.
type asking struct {
	c    *Code
	here bool // in the handler that has the request, and nowhere else
	seen map[ssa.Value]bool
}

// hosts are the texts with a host that is written there, where a % stands for what is not: a
// URL, MySQL's tcp(host)/, and the keywords of PostgreSQL.
var hosts = regexp.MustCompile(`://([^/?@]*@)?[^/?%@]+[/?]|\([^()%]+\)/|\bhost=[^ %]+( |$)`)

// namesHost reports whether a text is written as far as behind its host, or begins with what
// nobody asked for: what follows is a path, or the name of a database.
func (c *Code) namesHost(v ssa.Value) bool {
	text, first := written(v)
	if strings.HasPrefix(text, "%/") || strings.HasPrefix(text, "%?") {
		return first != nil && !asking{c, false, map[ssa.Value]bool{}}.isAsked(first)
	}
	return hosts.MatchString(text)
}

// written is what is known of a text, with a % for each part that is not, and the first of
// those.
func written(v ssa.Value) (text string, first ssa.Value) {
	switch x := v.(type) {
	case *ssa.Const:
		if x.Value != nil && x.Value.Kind() == constant.String {
			return constant.StringVal(x.Value), nil
		}
	case *ssa.BinOp:
		if x.Op == token.ADD {
			left, first := written(x.X)
			right, next := written(x.Y)
			if first == nil {
				first = next
			}
			return left + right, first
		}
	case *ssa.Call:
		if FullName(Callee(x.Common())) == "fmt.Sprintf" {
			format, _ := written(x.Call.Args[0])
			return verbs.ReplaceAllString(format, "%"), firstOf(x.Call.Args[1])
		}
	}
	return "%", v
}

var verbs = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)

// isAsked reports whether a value is made of what a request says.
func (a asking) isAsked(v ssa.Value) bool {
	if v == nil || a.seen[v] || Named(v.Type(), "context", "Context") {
		return false
	}
	a.seen[v] = true
	switch v := v.(type) {
	case *ssa.Parameter:
		return a.isGiven(v)
	case *ssa.FreeVar:
		return a.isAsked(Captured(v))
	case *ssa.Alloc:
		return a.isSet(v)
	case *ssa.FieldAddr:
		if isAbout(FieldName(v)) {
			return false
		}
		if a.isSet(v) {
			return true
		}
	case *ssa.Field:
		if s, ok := v.X.Type().Underlying().(*types.Struct); ok && isAbout(s.Field(v.Field).Name()) {
			return false
		}
	case *ssa.Call:
		if isAboutCall(v) {
			return false
		}
		if a.isSet(v) {
			return true
		}
	case *ssa.Extract:
		if a.isSet(v) {
			return true
		}
	}
	in, ok := v.(ssa.Instruction)
	return ok && slices.ContainsFunc(in.Operands(nil), func(op *ssa.Value) bool { return a.isAsked(*op) })
}

// isGiven says it of a parameter: of a handler's, which is the request or, unless only what is
// read here counts, was read from it; of another function's, by what it is called with.
func (a asking) isGiven(p *ssa.Parameter) bool {
	f := p.Parent()
	at := slices.Index(f.Params, p)
	if isRequest(p.Type()) {
		return !Named(p.Type(), "net/http", "ResponseWriter")
	}
	if a.here {
		return false
	}
	if isHandler(f) {
		return isText(p.Type()) && !(at == 0 && f.Signature.Recv() != nil)
	}
	return slices.ContainsFunc(a.c.callers[f], func(call ssa.CallInstruction) bool {
		return at < len(call.Common().Args) && a.isAsked(call.Common().Args[at])
	})
}

// isSet says it of what is stored in a variable, or in a field or an element of it, or is read
// into it: of options that say where to, in that field.
func (a asking) isSet(addr ssa.Value) bool {
	saysWhere := false
	for name := range Set(addr) {
		saysWhere = saysWhere || slices.Contains(addresses, name)
	}
	for _, in := range *addr.Referrers() {
		switch in := in.(type) {
		case *ssa.Store:
			if in.Addr == addr && isText(in.Val.Type()) && a.isAsked(in.Val) {
				return true
			}
		case *ssa.FieldAddr:
			if in.X == addr && !(saysWhere && !slices.Contains(addresses, FieldName(in))) && a.isSet(in) {
				return true
			}
		case *ssa.IndexAddr:
			if in.X == addr && a.isSet(in) {
				return true
			}
		case *ssa.MakeInterface:
			if _, isVar := addr.(*ssa.Alloc); isVar && slices.ContainsFunc(*in.Referrers(), func(use ssa.Instruction) bool { return a.isReadBy(use, in) }) {
				return true
			}
		}
	}
	return false
}

// isReadBy reports whether a call reads a request into what it is given, as a decoder of its
// body does.
func (a asking) isReadBy(in ssa.Instruction, into ssa.Value) bool {
	call, ok := in.(*ssa.Call)
	return ok && slices.ContainsFunc(Args(call.Common()), func(arg ssa.Value) bool { return arg != into && a.isAsked(arg) })
}

// addresses are the fields of clients' options that say where they connect to.
var addresses = []string{
	"Addr", "Addrs", "Address", "Addresses", "Host", "Hosts", "Hostname", "URL", "URLs", "URI", "BaseURL",
	"Endpoint", "Endpoints", "Server", "Servers", "ServerURL", "Brokers", "DSN", "Target",
}

// isAbout reports whether a field of a request, or of what one has, is about who asks.
func isAbout(name string) bool {
	switch name {
	case "Header", "Headers", "MultiValueHeaders", "Trailer", "TLS", "Keys":
		return true
	}
	return false
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
		"Get", "MustGet", "GetString", "Value", "Locals", "UserContext", "ClientIP", "RealIP":
		return true
	}
	return false
}
