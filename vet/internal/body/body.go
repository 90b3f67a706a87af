// Package body follows the bodies of responses: where they are read, closed, or
// given to somebody else to close.
package body

import (
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
)

// A Response is one that a call returns, or its body alone.
type Response struct {
	Call *ssa.Call

	val   ssa.Value // the *http.Response, or its body
	err   ssa.Value // the error beside it, or nil
	does  map[ssa.Instruction]Event
	kinds Event
	cells map[*ssa.Alloc]bool // variables that have val
	errs  map[*ssa.Alloc]bool // variables that have err
	scans []ssa.Value         // calls that say whether there is more to read
}

// Event is what an instruction does with a body. Deferred, it counts from where it
// is deferred.
type Event uint8

// Events.
const (
	Reads Event = 1 << iota
	Ends        // reads to its end, where net/http has its connection back
	Closes
	Leaves   // for somebody else, who may close it
	Returned // by the function
	Stored   // in something
)

// Opens says of a function that its caller has a body to close.
type Opens func(*types.Func) bool

// Responses returns those of f.
func Responses(f *ssa.Function, opens Opens) (all []*Response) {
	for in, common := range code.Calls(f) {
		call, ok := in.(*ssa.Call)
		if !ok || !isSource(common, opens) {
			continue
		}
		if r := newResponse(call); r != nil {
			all = append(all, r)
		}
	}
	return all
}

// isSource reports whether a call makes a request: by net/http, or by something
// that takes a request and returns a response as it does, or by a function that is
// known to leave the body to its caller.
func isSource(call *ssa.CallCommon, opens Opens) bool {
	fn := code.Callee(call)
	if name := code.FullName(fn); name == "net/http.Head" || name == "(net/http.Client).Head" {
		return false // there is none
	}
	if fn != nil && fn.Pkg() != nil && strings.HasSuffix(fn.Pkg().Path(), "/http3") {
		return false // it has no connection of its own
	}
	if code.IsRequest(fn) || fn != nil && opens != nil && opens(fn) {
		return true
	}
	if call.StaticCallee() != nil && code.FullName(fn) != "(github.com/hashicorp/go-retryablehttp.Client).Do" {
		return false // it would be known, but of this one, which may close it and try again
	}
	sig := call.Signature()
	if sig.Params().Len() != 1 || sig.Results().Len() != 2 {
		return false
	}
	return (code.Named(sig.Params().At(0).Type(), "net/http", "Request") || code.Named(sig.Params().At(0).Type(), "github.com/hashicorp/go-retryablehttp", "Request")) &&
		code.Named(sig.Results().At(0).Type(), "net/http", "Response")
}

func newResponse(call *ssa.Call) *Response {
	r := &Response{Call: call, does: map[ssa.Instruction]Event{}, cells: map[*ssa.Alloc]bool{}, errs: map[*ssa.Alloc]bool{}}
	if code.Named(call.Type(), "net/http", "Response") || IsBody(call.Type()) {
		r.val = call
	} else if t, ok := call.Type().(*types.Tuple); ok {
		if !hasError(t) {
			return nil // something else says whether there is a response
		}
		for _, in := range *call.Referrers() {
			x, ok := in.(*ssa.Extract)
			switch {
			case ok && (code.Named(x.Type(), "net/http", "Response") || IsBody(x.Type())):
				r.val = x
			case ok && code.IsError(x.Type()):
				r.err = x
			}
		}
	}
	if r.val == nil {
		return r // thrown away
	}
	if r.err != nil {
		for _, in := range *r.err.Referrers() {
			if s, ok := in.(*ssa.Store); ok {
				if a, ok := s.Addr.(*ssa.Alloc); ok {
					r.errs[a] = true
				}
			}
		}
	}
	follow(r, r.val, 0)
	return r
}

func hasError(t *types.Tuple) bool {
	for v := range t.Variables() {
		if code.IsError(v.Type()) {
			return true
		}
	}
	return false
}

// Discarded reports whether the response itself is thrown away.
func (r *Response) Discarded() bool { return r.val == nil || len(*r.val.Referrers()) == 0 }

// Any are the events that there are.
func (r *Response) Any() Event { return r.kinds }

func (r *Response) note(in ssa.Instruction, e Event) {
	r.does[in] |= e
	r.kinds |= e
}

// follow notes what is done with a response, or with its body, that a value is.
func follow(r *Response, v ssa.Value, depth int) {
	seen := map[ssa.Value]bool{}
	var visit func(v ssa.Value, in ssa.Instruction)
	var all func(v ssa.Value)
	all = func(v ssa.Value) {
		if seen[v] || v.Referrers() == nil {
			return
		}
		seen[v] = true
		for _, in := range *v.Referrers() {
			visit(v, in)
		}
	}
	visit = func(v ssa.Value, in ssa.Instruction) {
		switch in := in.(type) {
		case *ssa.FieldAddr:
			if isBody(in) {
				all(in)
			}
		case *ssa.UnOp:
			if in.Op == token.MUL {
				all(in)
			}
		case *ssa.Phi, *ssa.ChangeInterface, *ssa.MakeInterface, *ssa.ChangeType, *ssa.TypeAssert, *ssa.Extract:
			if v := in.(ssa.Value); !code.IsError(v.Type()) {
				all(v)
			}
		case *ssa.Store:
			if in.Val != v {
				return // resp.Body = …
			}
			if a, ok := in.Addr.(*ssa.Alloc); ok && isResponse(a) {
				r.cells[a] = true
				all(a)
				return
			}
			r.note(in, Leaves|Stored)
		case *ssa.MakeClosure:
			lit := in.Fn.(*ssa.Function)
			for i, b := range in.Bindings {
				if b == v {
					inner := &Response{does: map[ssa.Instruction]Event{}, cells: map[*ssa.Alloc]bool{}}
					follow(inner, lit.FreeVars[i], depth)
					r.note(in, inner.kinds)
					if !r.comesAfter(in) {
						r.note(r.Call, inner.kinds) // it is called later, who knows where
					}
				}
			}
		case ssa.CallInstruction:
			if wraps(in.Common()) && in.Value() != nil {
				r.note(in, Reads)
				all(in.Value()) // who reads that reads the body
				return
			}
			r.note(in, called(v, in.Common(), depth))
			if call, ok := in.(*ssa.Call); ok && code.FullName(code.Callee(in.Common())) == "(bufio.Scanner).Scan" {
				r.scans = append(r.scans, call)
				r.kinds |= Ends
			}
		case *ssa.Return:
			r.note(in, Leaves|Returned)
		case *ssa.Send, *ssa.Select, *ssa.MapUpdate:
			r.note(in, Leaves)
		}
	}
	all(v)
}

// isResponse reports whether a variable is a response's or a body's alone.
func isResponse(a *ssa.Alloc) bool {
	p, ok := a.Type().(*types.Pointer)
	return ok && (code.Named(p.Elem(), "net/http", "Response") || code.Named(p.Elem(), "io", "ReadCloser"))
}

func isBody(f *ssa.FieldAddr) bool {
	return code.Named(f.X.Type(), "net/http", "Response") && code.FieldName(f) == "Body"
}

// called is what a call does with a body, or with a response.
func called(v ssa.Value, call *ssa.CallCommon, depth int) Event {
	if call.IsInvoke() && call.Value == v {
		switch call.Method.Name() {
		case "Close":
			return Closes
		case "Read":
			return Reads
		}
		return 0
	}
	fn := code.Callee(call)
	if fn == nil {
		return Leaves
	}
	if recv := fn.Signature().Recv(); recv != nil && code.Named(recv.Type(), "net/http", "Response") && len(call.Args) > 0 && call.Args[0] == v {
		if fn.Name() == "Write" {
			return Reads | Closes
		}
		return 0
	}
	if code.FullName(fn) == "net/http/httputil.DumpResponse" {
		if c, ok := call.Args[1].(*ssa.Const); ok && c.Value != nil && !constant.BoolVal(c.Value) {
			return 0
		}
		return Reads | Ends
	}
	if callee := call.StaticCallee(); callee != nil && callee.Blocks != nil {
		e := Event(0)
		for i, arg := range call.Args {
			if arg == v && i < len(callee.Params) {
				inner := &Response{does: map[ssa.Instruction]Event{}, cells: map[*ssa.Alloc]bool{}}
				if inner.kinds = Leaves; depth < maxDepth {
					inner.kinds = 0
					follow(inner, callee.Params[i], depth+1)
				}
				e |= inner.kinds
			}
		}
		return e
	}
	if fn.Pkg() != nil {
		return standard(fn)
	}
	return Reads | Leaves
}

// maxDepth is how many calls deep a body is followed.
const maxDepth = 4

// standard is what the standard library's functions do: they read what they are
// given as a reader, and close nothing.
func standard(fn *types.Func) Event {
	switch fn.Pkg().Path() {
	case "fmt", "log", "log/slog", "errors", "testing":
		return 0
	}
	switch code.FullName(fn) {
	case "io.ReadAll", "io/ioutil.ReadAll", "io.Copy", "io.CopyBuffer", "(bytes.Buffer).ReadFrom", "(encoding/csv.Reader).ReadAll",
		"io.LimitReader": // of what is meant to be within the limit
		return Reads | Ends
	case "io.NopCloser", "io/ioutil.NopCloser", "io.CopyN", "io.ReadFull", "io.ReadAtLeast", "(bufio.Reader).Reset":
		return Reads
	}
	if fn.Signature().Recv() != nil && readers[fn.Pkg().Path()] {
		return Reads // of what wraps it
	}
	return Reads | Leaves
}

// readers are the packages of what wraps a body to read it.
var readers = map[string]bool{
	"bufio": true, "encoding/json": true, "encoding/xml": true, "encoding/csv": true, "compress/gzip": true, "archive/tar": true,
}

// wraps reports whether a call makes a reader of a body, which reads from it, and
// closes nothing.
func wraps(call *ssa.CallCommon) bool {
	switch code.FullName(code.Callee(call)) {
	case "io.TeeReader", "bufio.NewReader", "bufio.NewReaderSize", "bufio.NewScanner",
		"encoding/json.NewDecoder", "encoding/xml.NewDecoder", "encoding/csv.NewReader", "compress/gzip.NewReader", "archive/tar.NewReader":
		return true
	}
	return false
}

// Without looks for a path from the call on which none of the events is, that ends
// as ends says: an end is a return, or the same call again. It returns where it
// ends, or nil.
func (r *Response) Without(e Event, ends func(ssa.Instruction) bool) ssa.Instruction {
	return r.path(func(in ssa.Instruction) bool { return r.does[in]&e != 0 }, ends)
}

// Unread looks for a path as Without does, on which nobody reads the body: one that
// is stored somewhere may be, by what is given that.
func (r *Response) Unread(ends func(ssa.Instruction) bool) ssa.Instruction {
	holders := map[ssa.Value]bool{}
	for in, e := range r.does {
		if s, ok := in.(*ssa.Store); ok && e&Stored != 0 {
			holders[code.Root(s.Addr)] = true
		}
	}
	return r.path(func(in ssa.Instruction) bool {
		e := r.does[in]
		if e&Reads != 0 || e&Leaves != 0 && e&Stored == 0 {
			return true
		}
		call, ok := in.(ssa.CallInstruction)
		return ok && slices.ContainsFunc(in.Operands(nil), func(v *ssa.Value) bool { return *v != call.Common().Value && holders[*v] })
	}, ends)
}

// path looks for a path as Without does, on which stop is nowhere.
func (r *Response) path(stop, ends func(ssa.Instruction) bool) ssa.Instruction {
	if stop(r.Call) {
		return nil
	}
	seen := map[*ssa.BasicBlock]bool{}
	var walk func(b *ssa.BasicBlock, from int) ssa.Instruction
	walk = func(b *ssa.BasicBlock, from int) ssa.Instruction {
		for _, in := range b.Instrs[from:] {
			if stop(in) {
				return nil
			}
			if in == ssa.Instruction(r.Call) || isReturn(in) {
				if ends(in) {
					return in
				}
				return nil
			}
		}
		for i, s := range code.Next(b) {
			if seen[s] || r.isFailed(b, i) {
				continue
			}
			seen[s] = true
			if end := walk(s, 0); end != nil {
				return end
			}
		}
		return nil
	}
	b := r.Call.Block()
	for i, in := range b.Instrs {
		if in == ssa.Instruction(r.Call) {
			return walk(b, i+1)
		}
	}
	return nil
}

func isReturn(in ssa.Instruction) bool {
	_, ok := in.(*ssa.Return)
	return ok && !code.GoesOn(in)
}

// comesAfter reports whether an instruction is run after the call, where it is.
func (r *Response) comesAfter(in ssa.Instruction) bool {
	if r.Call == nil {
		return true // of a function's parameter
	}
	if in.Block() != r.Call.Block() {
		return r.Call.Block().Dominates(in.Block())
	}
	for _, x := range in.Block().Instrs {
		if x == ssa.Instruction(r.Call) {
			return true
		}
		if x == in {
			break
		}
	}
	return false
}

// ClosesAtOnce reports whether a body is closed where it says so, and not when the
// function returns.
func (r *Response) ClosesAtOnce() bool {
	for in, e := range r.does {
		if e&Closes != 0 && !isDeferred(in) {
			return true
		}
	}
	return false
}

// isDeferred reports whether an instruction is for when the function returns: a defer,
// or a literal that is deferred.
func isDeferred(in ssa.Instruction) bool {
	if lit, ok := in.(*ssa.MakeClosure); ok {
		return !slices.ContainsFunc(*lit.Referrers(), func(use ssa.Instruction) bool { return !isDeferred(use) })
	}
	_, ok := in.(*ssa.Defer)
	return ok
}

// IsHead reports whether the request is known to be a HEAD, whose response has no
// body.
func (r *Response) IsHead() bool { return code.Method(r.Call.Common()) == "HEAD" }

// IsIn reports whether the response is one of what is returned.
func (r *Response) IsIn(ret *ssa.Return) bool {
	for _, v := range ret.Results {
		if given := code.Returned(ret, v); given != nil {
			v = given
		}
		if v == r.val || r.isCell(v) || r.isBody(v) {
			return true
		}
	}
	return false
}

// IsBody reports whether a type is that of a body.
func IsBody(t types.Type) bool { return code.Named(t, "io", "ReadCloser") }

// IsAlone reports whether it is a body without its response.
func (r *Response) IsAlone() bool {
	t, ok := r.Call.Type().(*types.Tuple)
	if !ok {
		return IsBody(r.Call.Type())
	}
	for v := range t.Variables() {
		if IsBody(v.Type()) {
			return true
		}
	}
	return false
}

// MayReturnClosed reports whether the response may be returned where it was closed
// before, or read to its end, as for the error that is returned with it.
func (r *Response) MayReturnClosed() bool {
	seen := map[*ssa.BasicBlock]bool{}
	var returns func(b *ssa.BasicBlock, from int) bool
	returns = func(b *ssa.BasicBlock, from int) bool {
		for _, in := range b.Instrs[from:] {
			if ret, ok := in.(*ssa.Return); ok && r.IsIn(ret) {
				return true
			}
		}
		for _, s := range code.Next(b) {
			if !seen[s] {
				seen[s] = true
				if returns(s, 0) {
					return true
				}
			}
		}
		return false
	}
	for in, e := range r.does {
		if e&(Closes|Ends) != 0 && returns(in.Block(), slices.Index(in.Block().Instrs, in)) {
			return true
		}
	}
	return false
}

// MayBeStored reports whether there is a way to an instruction on which the response is
// stored in something, for others: on a condition that it may have in common with
// another.
func (r *Response) MayBeStored(in ssa.Instruction) bool {
	for s, e := range r.does {
		if e&Stored != 0 && isReturn(in) && !isArgument(s) && code.Reaches(s.Block(), in.Block()) {
			return true
		}
	}
	return false
}

// isArgument reports whether an instruction stores one of the values of a call's ….
func isArgument(in ssa.Instruction) bool {
	s, ok := in.(*ssa.Store)
	if !ok {
		return false // a helper stores it, or a literal
	}
	_, ok = s.Addr.(*ssa.IndexAddr)
	return ok
}

// GivenAway reports whether the response is left to others than the function's
// caller.
func (r *Response) GivenAway() bool {
	for _, e := range r.does {
		if e&Leaves != 0 && e&Returned == 0 {
			return true
		}
	}
	return false
}
