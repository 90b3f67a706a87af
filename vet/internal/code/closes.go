package code

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// closers begin the names of what ends something.
var closers = []string{"Close", "Stop", "Disconnect", "Shutdown", "Quit", "Release"}

// Closes reports whether a function closes what it made when it is done with it: by a
// method, a function that is given it, or one that came beside it, deferred or not, but
// not only where something failed. Then it does not outlive the call, whoever else had
// it meanwhile.
func (c *Code) Closes(v ssa.Value) bool {
	in, ok := v.(ssa.Instruction)
	return ok && closes(in.Parent(), namesOf(v))
}

// closes reports whether f, or a literal that it defers or calls, closes one of the
// values.
func closes(f *ssa.Function, values map[ssa.Value]bool) bool {
	for in, common := range Calls(f) {
		if OnError(in.Block()) {
			continue
		}
		if _, started := in.(*ssa.Go); started {
			continue // who knows when
		}
		if m, ok := common.Value.(*ssa.MakeClosure); ok && closes(m.Fn.(*ssa.Function), values) {
			return true
		}
		if values[common.Value] && !common.IsInvoke() {
			return true // what came with it: cleanup()
		}
		name := ""
		if fn := Callee(common); fn != nil {
			name = fn.Name()
		}
		if startsWith(name, closers) && slices.ContainsFunc(Args(common), func(arg ssa.Value) bool { return values[arg] }) {
			return true
		}
	}
	return false
}

// namesOf are a value, and what it is called elsewhere in its function and in its
// literals: the results of a call, what they are converted to, and variables.
func namesOf(v ssa.Value) map[ssa.Value]bool {
	names := map[ssa.Value]bool{}
	var add func(v ssa.Value)
	add = func(v ssa.Value) {
		if names[v] || IsError(v.Type()) || v.Referrers() == nil {
			return
		}
		names[v] = true
		for _, in := range *v.Referrers() {
			switch in := in.(type) {
			case *ssa.Extract, *ssa.ChangeType, *ssa.ChangeInterface, *ssa.MakeInterface, *ssa.TypeAssert, *ssa.Phi:
				add(in.(ssa.Value))
			case *ssa.Store:
				if a, ok := in.Addr.(*ssa.Alloc); ok && in.Val == v {
					add(a)
				}
			case *ssa.UnOp:
				if _, isVar := v.Type().(*types.Pointer); isVar {
					add(in)
				}
			case *ssa.MakeClosure:
				for i, b := range in.Bindings {
					if b == v {
						add(in.Fn.(*ssa.Function).FreeVars[i])
					}
				}
			}
		}
	}
	add(v)
	return names
}
