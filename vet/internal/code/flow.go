package code

import (
	"cmp"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// Flow is where a value goes, as far as its function can tell.
type Flow struct {
	Kept     bool // it may be there after the call: stored, sent, given to who knows whom
	Returned bool // it, or something that holds it, is returned
	Used     bool // something is done with it that may make connections
	Looped   bool // it is used in a loop, or by what is started in one
}

// Outlives reports whether the value is there after its function is left.
func (f Flow) Outlives() bool { return f.Kept || f.Returned }

type flowKey struct {
	f     *ssa.Function
	param int
}

// Follow says where a value goes. What it can't see through counts as kept, so that
// nobody is blamed by mistake.
func (c *Code) Follow(v ssa.Value) Flow { return c.follow(v, 0) }

// ReturnsOnly reports whether whatever f returns that may be a pool is v, or holds
// it, or is nil.
func (c *Code) ReturnsOnly(f *ssa.Function, v ssa.Value) bool {
	t := c.track(v, 0)
	for _, b := range f.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		for _, res := range ret.Results {
			if k, isConst := res.(*ssa.Const); isConst && k.IsNil() || !IsPool(res.Type()) {
				continue
			}
			if !t.seen[res] {
				return false
			}
		}
	}
	return true
}

// ReturnsIn is what f returns wherever it returns one of the values, or what holds it, if
// it does so each time but where it returns an error, nil or nothing; of several results,
// the first.
func (c *Code) ReturnsIn(f *ssa.Function, values ...ssa.Value) (in ssa.Value, ok bool) {
	holds := map[ssa.Value]bool{}
	for _, v := range values {
		maps.Copy(holds, c.track(v, 0).seen)
	}
	for _, b := range f.Blocks {
		ret, isReturn := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !isReturn || OnError(b) || len(ret.Results) == 0 {
			continue
		}
		at := slices.IndexFunc(ret.Results, func(res ssa.Value) bool {
			if given := Returned(ret, res); given != nil {
				res = given
			}
			return holds[res]
		})
		if at >= 0 {
			in = cmp.Or(in, ret.Results[at])
			continue
		}
		if !returnsError(ret) && !IsNil(ret.Results[0]) {
			return nil, false
		}
	}
	return in, in != nil
}

// maxDepth is how many calls deep a value is followed.
const maxDepth = 4

type tracker struct {
	c     *Code
	depth int
	flow  Flow
	seen  map[ssa.Value]bool
	work  []ssa.Value
}

func (c *Code) follow(v ssa.Value, depth int) Flow { return c.track(v, depth).flow }

func (c *Code) track(v ssa.Value, depth int) *tracker {
	t := &tracker{c: c, depth: depth, seen: map[ssa.Value]bool{}}
	t.add(v)
	for len(t.work) > 0 && !t.flow.Kept {
		v := t.work[len(t.work)-1]
		t.work = t.work[:len(t.work)-1]
		if refs := v.Referrers(); refs != nil {
			for _, in := range *refs {
				t.use(v, in)
			}
		}
	}
	return t
}

// add goes on with a value that is v, or holds it.
func (t *tracker) add(v ssa.Value) {
	if !t.seen[v] && holds(v.Type()) {
		t.seen[v] = true
		t.work = append(t.work, v)
	}
}

// holds reports whether a value of the type may hold anything at all.
func holds(typ types.Type) bool {
	typ = types.Unalias(typ)
	if isData(typ) {
		return false
	}
	switch u := typ.Underlying().(type) {
	case *types.Basic:
		return false
	case *types.Slice:
		return holds(u.Elem())
	case *types.Array:
		return holds(u.Elem())
	case *types.Tuple:
		for i := range u.Len() {
			if holds(u.At(i).Type()) {
				return true
			}
		}
		return false
	}
	return true
}

func (t *tracker) use(v ssa.Value, in ssa.Instruction) {
	switch in := in.(type) {
	case ssa.CallInstruction:
		isValue := Callee(in.Common()) == nil && in.Common().StaticCallee() == nil // such as an option
		t.flow.Looped = t.flow.Looped || !isValue && InLoop(in)
	case *ssa.MakeClosure:
		t.flow.Looped = t.flow.Looped || InLoop(in)
	}
	switch in := in.(type) {
	case *ssa.Store:
		if in.Val == v {
			t.stored(in.Addr)
		}
	case *ssa.MapUpdate:
		if in.Value == v || in.Key == v {
			t.stored(in.Map)
		}
	case *ssa.Send:
		t.flow.Kept = t.flow.Kept || in.X == v
	case *ssa.Select:
		t.flow.Kept = t.flow.Kept || slices.ContainsFunc(in.States, func(s *ssa.SelectState) bool { return s.Send == v })
	case *ssa.Return:
		t.flow.Returned = true
	case ssa.CallInstruction:
		t.call(v, in)
	case *ssa.MakeClosure:
		t.add(in)
		for i, b := range in.Bindings {
			if b == v {
				t.add(in.Fn.(*ssa.Function).FreeVars[i])
			}
		}
	case ssa.Value: // made of it: a conversion, a field, an element, a load, a phi
		t.add(in)
	}
}

// stored goes on with what a value was stored into.
func (t *tracker) stored(addr ssa.Value) {
	switch root := Root(addr).(type) {
	case *ssa.Alloc, *ssa.MakeMap, *ssa.MakeSlice:
		t.add(root)
	case *ssa.Call:
		if t.c.IsNew(root) || t.seen[root] {
			t.add(root)
			return
		}
		t.flow.Kept = true
	default:
		t.flow.Kept = t.flow.Kept || !t.seen[root]
	}
}

// Root is the variable or object that a value is had from, or an address is in:
// through fields, elements, conversions, and pointers that are fields of it.
func Root(v ssa.Value) ssa.Value {
	for {
		switch x := v.(type) {
		case *ssa.FieldAddr:
			v = x.X
		case *ssa.IndexAddr:
			v = x.X
		case *ssa.Slice:
			v = x.X
		case *ssa.Extract:
			v = x.Tuple
		case *ssa.ChangeType:
			v = x.X
		case *ssa.MakeInterface:
			v = x.X
		case *ssa.UnOp:
			if _, isGlobal := x.X.(*ssa.Global); isGlobal {
				return x
			}
			if local := onlyStore(x.X); local != nil {
				v = local
				continue
			}
			v = x.X
		default:
			return v
		}
	}
}

// onlyStore is the value that a local variable has, if it is given one once.
func onlyStore(addr ssa.Value) ssa.Value {
	if a, ok := addr.(*ssa.Alloc); ok {
		return OnlyStored(a)
	}
	return nil
}

// OnlyStored is the value that is stored at an address, if there is one only.
func OnlyStored(addr ssa.Value) (val ssa.Value) {
	for _, in := range *addr.Referrers() {
		if s, ok := in.(*ssa.Store); ok && s.Addr == addr {
			if val != nil {
				return nil
			}
			val = s.Val
		}
	}
	return val
}

// call goes on with what a call makes of a value.
func (t *tracker) call(v ssa.Value, in ssa.CallInstruction) {
	common := in.Common()
	if common.Value == v && !common.IsInvoke() {
		return // it is called, a literal that has it: see MakeClosure
	}
	fn := Callee(common)
	if keepsNothing(fn) {
		t.flow.Used = t.flow.Used || IsRequest(fn)
		return
	}
	if b, ok := common.Value.(*ssa.Builtin); ok {
		if b.Name() == "append" {
			t.add(in.Value())
		}
		return
	}
	if callee := common.StaticCallee(); callee != nil && callee.Blocks != nil && t.depth < maxDepth {
		used := false
		for i, arg := range common.Args {
			if arg == v && i < len(callee.Params) {
				flow := t.c.param(callee, i, t.depth+1)
				t.flow.Kept = t.flow.Kept || flow.Kept
				t.flow.Looped = t.flow.Looped || flow.Looped
				used = used || flow.Used
				if flow.Returned {
					t.result(v, in)
				}
			}
		}
		t.flow.Used = t.flow.Used || used
		return
	}
	t.flow.Used = t.flow.Used || t.c.requests(common)
	if fn == nil && !common.IsInvoke() {
		t.result(v, in) // a function value, an option's for one
		return
	}
	if recv := receiver(common); recv != nil && recv != v && !t.seen[recv] {
		t.stored(recv) // a setter of something: as if it were a field
	}
	t.result(v, in)
}

// result goes on with what a call returns that may have v from then on. A function
// of which nothing is returned that could has it kept, if it was given it: a method
// of v may use it only.
func (t *tracker) result(v ssa.Value, in ssa.CallInstruction) {
	if r := in.Value(); r != nil && mayHold(r.Type(), v.Type()) {
		t.add(r)
		return
	}
	common := in.Common()
	isValue := Callee(common) == nil && common.StaticCallee() == nil
	t.flow.Kept = t.flow.Kept || receiver(common) == nil && !isValue
}

func receiver(common *ssa.CallCommon) ssa.Value {
	if common.IsInvoke() {
		return common.Value
	}
	if fn := Callee(common); fn != nil && fn.Signature().Recv() != nil && len(common.Args) > 0 {
		return common.Args[0]
	}
	return nil
}

// param is where a function's parameter goes.
func (c *Code) param(f *ssa.Function, i, depth int) Flow {
	key := flowKey{f, i}
	if flow, ok := c.flows[key]; ok {
		return flow
	}
	c.flows[key] = Flow{} // for those that call themselves
	flow := c.follow(f.Params[i], depth)
	c.flows[key] = flow
	return flow
}

// keepsNothing reports whether a function uses what it is given and no more.
func keepsNothing(fn *types.Func) bool {
	if fn == nil {
		return false
	}
	switch FullName(fn) {
	case "golang.org/x/net/http2.ConfigureTransport", "golang.org/x/net/http2.ConfigureTransports",
		"fmt.Println", "fmt.Printf", "fmt.Sprintf", "fmt.Sprint", "fmt.Fprintf", "fmt.Errorf", "reflect.TypeOf", "errors.As":
		return true
	}
	if recv := fn.Signature().Recv(); recv != nil {
		for _, name := range []string{"Client", "Transport", "RoundTripper"} {
			if Named(recv.Type(), "net/http", name) {
				return fn.Name() != "Clone" && fn.Name() != "NewClientConn"
			}
		}
	}
	return false
}
