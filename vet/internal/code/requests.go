package code

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// Requests is the fact of a function that it makes HTTP requests, as far as can be
// seen: itself, or by what it calls.
type Requests struct{}

// AFact makes it one.
func (*Requests) AFact() {}

// String is for tests.
func (*Requests) String() string { return "makes requests" }

// findRequests exports the fact of the functions that others may call.
func (c *Code) findRequests() {
	does := map[*ssa.Function]bool{}
	var work []*ssa.Function
	mark := func(f *ssa.Function) {
		if !does[f] {
			does[f] = true
			work = append(work, f)
		}
	}
	for _, f := range c.Funcs {
		for _, call := range Calls(f) {
			if callee := call.StaticCallee(); (callee == nil || callee.Blocks == nil) && c.requests(call) {
				mark(f)
			}
		}
	}
	for len(work) > 0 {
		f := work[len(work)-1]
		work = work[:len(work)-1]
		if fn, ok := f.Object().(*types.Func); ok && fn.Exported() && fn.Pkg() == c.pass.Pkg {
			c.pass.ExportObjectFact(fn, new(Requests))
		}
		if f.Parent() != nil {
			mark(f.Parent()) // a literal is called by who has it
		}
		for _, call := range c.callers[f] {
			mark(call.Parent())
		}
	}
}

// requests reports whether a call of something that is not in this package, or that
// is not known, makes a request: by what it is, what is known of it, or by its
// parameters, of which a request or a context makes it likely.
func (c *Code) requests(call *ssa.CallCommon) bool {
	fn := Callee(call)
	if IsRequest(fn) || fn != nil && c.pass.ImportObjectFact(fn.Origin(), new(Requests)) {
		return true
	}
	if fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == "net/http" {
		return false // NewRequestWithContext
	}
	sig := call.Signature()
	for v := range sig.Params().Variables() {
		if Named(v.Type(), "net/http", "Request") || Named(v.Type(), "context", "Context") && (fn == nil || fn.Signature().Recv() != nil) {
			return true
		}
	}
	return returnsResponse(sig)
}

func returnsResponse(sig *types.Signature) bool {
	for v := range sig.Results().Variables() {
		if Named(v.Type(), "net/http", "Response") {
			return true
		}
	}
	return false
}

// IsKubernetes reports whether a call is of a RoundTripper, in a package that has to do
// with client-go's: these speak HTTP/2 to the API server.
func IsKubernetes(call *ssa.Call) bool {
	return call.Call.IsInvoke() && FullName(call.Call.Method) == "(net/http.RoundTripper).RoundTrip" &&
		Imports(call.Parent().Pkg.Pkg, "k8s.io/client-go/rest")
}

// MakesHTTP2 reports whether a function makes an http2.Transport, whose connection is
// there for other requests whatever becomes of one.
func MakesHTTP2(f *ssa.Function) bool {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if a, ok := in.(*ssa.Alloc); ok && Named(a.Type(), "golang.org/x/net/http2", "Transport") {
				return true
			}
		}
	}
	return false
}
