package body

import (
	"go/constant"
	"go/token"
	"net/http"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
)

// isEmpty reports whether a test is about a status whose responses have no body to
// read: 204, 304, or 101, where it is the connection, or none; and which way is for
// it.
func (r *Response) isEmpty(op *ssa.BinOp) (is bool, at int) {
	switch r.status(op) {
	case http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusNotModified:
	default:
		if !r.isNoBody(op) {
			return false, 0
		}
	}
	if op.Op == token.NEQ {
		at = 1
	}
	return true, at
}

// status is the number that a test compares the response's status with, or 0.
func (r *Response) status(op *ssa.BinOp) int64 {
	c, ok := op.Y.(*ssa.Const)
	if !ok || c.Value == nil || c.Value.Kind() != constant.Int {
		return 0
	}
	load, ok := op.X.(*ssa.UnOp)
	if !ok {
		return 0
	}
	field, ok := load.X.(*ssa.FieldAddr)
	if !ok || field.X != r.val && !r.isCell(field.X) || code.FieldName(field) != "StatusCode" {
		return 0
	}
	return c.Int64()
}

// isNoBody reports whether a test is about a response whose length is 0, or whose body
// is http.NoBody.
func (r *Response) isNoBody(op *ssa.BinOp) bool {
	if load, ok := op.X.(*ssa.UnOp); ok {
		field, ok := load.X.(*ssa.FieldAddr)
		if c, isConst := op.Y.(*ssa.Const); ok && isConst && c.Value != nil && (field.X == r.val || r.isCell(field.X)) && code.FieldName(field) == "ContentLength" {
			return c.Int64() == 0
		}
	}
	if m, ok := op.Y.(*ssa.MakeInterface); ok {
		if load, ok := m.X.(*ssa.UnOp); ok {
			g, ok := load.X.(*ssa.Global)
			return ok && g.Name() == "NoBody" && r.isBody(op.X)
		}
	}
	return false
}

// Upgrades reports whether the function asks for 101.
func (r *Response) Upgrades() bool {
	for _, b := range r.Call.Parent().Blocks {
		for _, in := range b.Instrs {
			if op, ok := in.(*ssa.BinOp); ok && r.status(op) == http.StatusSwitchingProtocols {
				return true
			}
		}
	}
	return false
}

// isFailed reports whether the i-th way out of a block is for where there is no
// response, or nothing of it left: the error is not nil, or the response is, or it has
// no body.
func (r *Response) isFailed(b *ssa.BasicBlock, i int) bool {
	test, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
	if !ok {
		return false
	}
	if slices.Contains(r.scans, test.Cond) {
		return i == 1 // it was read to its end
	}
	op, ok := test.Cond.(*ssa.BinOp)
	if !ok {
		says, at := r.saysErr(test.Cond)
		return says && i == at || r.isGiven(test.Cond)
	}
	if op.Op != token.EQL && op.Op != token.NEQ {
		return false
	}
	if is, at := r.isEmpty(op); is {
		return i == at
	}
	x := op.X
	if code.IsNil(x) {
		x = op.Y
	} else if !code.IsNil(op.Y) {
		return r.isErr(op.X) || r.isErr(op.Y) // err == io.EOF: either way
	}
	whenEqual := 0
	if op.Op == token.NEQ {
		whenEqual = 1
	}
	switch {
	case r.isErr(x):
		return i != whenEqual // it is not nil
	case x == r.val || r.isCell(x), r.isBody(x):
		return i == whenEqual
	}
	return false
}

// saysErr reports whether a condition is what a function says of the error, such as
// that it is worth another try, and which way is for when it says so: nothing is
// said of no error.
func (r *Response) saysErr(cond ssa.Value) (says bool, at int) {
	if not, ok := cond.(*ssa.UnOp); ok && not.Op == token.NOT {
		cond, at = not.X, 1
	}
	if x, ok := cond.(*ssa.Extract); ok {
		cond = x.Tuple
	}
	call, ok := cond.(*ssa.Call)
	if !ok || r.err == nil || slices.ContainsFunc(call.Call.Args, func(v ssa.Value) bool { return v == r.val || r.isCell(v) }) {
		return false, 0
	}
	return slices.ContainsFunc(call.Call.Args, r.isErr), at
}

// isGiven reports whether a condition was an argument of the call, which may have made
// of it whether there is a response.
func (r *Response) isGiven(cond ssa.Value) bool {
	if not, ok := cond.(*ssa.UnOp); ok && not.Op == token.NOT {
		cond = not.X
	}
	_, isConst := cond.(*ssa.Const)
	return !isConst && slices.Contains(r.Call.Call.Args, cond)
}

// isBody reports whether a value is the response's body.
func (r *Response) isBody(v ssa.Value) bool {
	load, ok := v.(*ssa.UnOp)
	if !ok {
		return false
	}
	field, ok := load.X.(*ssa.FieldAddr)
	return ok && isBody(field) && (field.X == r.val || r.isCell(field.X))
}

func (r *Response) isErr(v ssa.Value) bool {
	if v == r.err && v != nil {
		return true
	}
	if x, ok := v.(*ssa.Extract); ok {
		v = x.Tuple
	}
	if call, ok := v.(*ssa.Call); ok && r.err != nil && slices.Contains(call.Call.Args, r.err) {
		return true // one that is made of it
	}
	if r.err != nil && mayBe(v, r.err, map[ssa.Value]bool{}) {
		return true
	}
	load, ok := v.(*ssa.UnOp)
	if !ok {
		return false
	}
	a, ok := load.X.(*ssa.Alloc)
	return ok && r.errs[a]
}

// mayBe reports whether a value is another where ways meet, of a loop for one.
func mayBe(v, other ssa.Value, seen map[ssa.Value]bool) bool {
	phi, ok := v.(*ssa.Phi)
	if !ok || seen[v] {
		return false
	}
	seen[v] = true
	return slices.ContainsFunc(phi.Edges, func(e ssa.Value) bool { return e == other || mayBe(e, other, seen) })
}

func (r *Response) isCell(v ssa.Value) bool {
	if mayBe(v, r.val, map[ssa.Value]bool{}) {
		return true
	}
	load, ok := v.(*ssa.UnOp)
	if !ok {
		return false
	}
	a, ok := load.X.(*ssa.Alloc)
	return ok && r.cells[a]
}
