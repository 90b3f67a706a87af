package code

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// EndsProgram reports whether a program ends where it comes to a return: with an
// error that each caller ends it with, as a command does.
func (c *Code) EndsProgram(in ssa.Instruction) bool {
	ret, ok := in.(*ssa.Return)
	return ok && c.isProgram && returnsError(ret) && c.isFatal(home(in.Block()).Parent(), map[*ssa.Function]bool{})
}

// isFatal reports whether the program ends when f fails. A function that is not called
// here is a command's.
func (c *Code) isFatal(f *ssa.Function, seen map[*ssa.Function]bool) bool {
	if seen[f] {
		return true // it calls itself
	}
	seen[f] = true
	if isHandler(f) {
		return false
	}
	if len(c.callers[f]) == 0 && isCommand(f) {
		return true
	}
	if f.Parent() != nil {
		return c.isFatalToGroup(f, seen) || c.isFatalByName(f, seen)
	}
	if c.given[f] || c.pass.Pkg.Name() != "main" && ast.IsExported(f.Name()) {
		return false // who knows who calls it
	}
	if len(c.callers[f]) == 0 {
		return f.Signature.Recv() == nil
	}
	for _, in := range c.callers[f] {
		call, ok := in.(*ssa.Call)
		if !ok || c.IsTest(call.Pos()) || !c.endsOn(call, seen) {
			return false
		}
	}
	return true
}

// isCommand reports whether a function is what a program calls for one of its commands,
// by its signature, for cobra or urfave/cli, or plainly: its error ends the program. A
// literal that takes strings may be anything.
func isCommand(f *ssa.Function) bool {
	sig := f.Signature
	if sig.Recv() != nil || sig.Results().Len() != 1 || !IsError(sig.Results().At(0).Type()) || sig.Params().Len() == 0 {
		return false
	}
	last := sig.Params().At(sig.Params().Len() - 1).Type()
	if args, ok := last.Underlying().(*types.Slice); ok && isString(args.Elem()) {
		return sig.Params().Len() == 1 && f.Parent() == nil || sig.Params().Len() == 2 && Named(sig.Params().At(0).Type(), "github.com/spf13/cobra", "Command")
	}
	for _, path := range []string{"github.com/urfave/cli", "github.com/urfave/cli/v2", "github.com/urfave/cli/v3"} {
		if Named(last, path, "Context") || Named(last, path, "Command") {
			return true
		}
	}
	return false
}

// isFatalByName reports whether a literal is called by variables that it is in, here or in
// other literals, and the program ends wherever it has failed.
func (c *Code) isFatalByName(lit *ssa.Function, seen map[*ssa.Function]bool) bool {
	var names map[ssa.Value]bool
	for _, b := range lit.Parent().Blocks {
		for _, in := range b.Instrs {
			if m, ok := in.(*ssa.MakeClosure); ok && m.Fn == lit {
				names = namesOf(m)
			}
		}
	}
	ends := false
	for _, f := range append([]*ssa.Function{lit.Parent()}, lit.Parent().AnonFuncs...) {
		for in, common := range Calls(f) {
			if !names[common.Value] {
				continue
			}
			call, ok := in.(*ssa.Call)
			if !ok || !c.endsOn(call, seen) {
				return false
			}
			ends = true
		}
	}
	return ends
}

// isFatalToGroup reports whether a literal is started in an errgroup, and the program
// ends when that has failed.
func (c *Code) isFatalToGroup(lit *ssa.Function, seen map[*ssa.Function]bool) bool {
	var groups []ssa.Value
	for _, common := range Calls(lit.Parent()) {
		if args := Args(common); FullName(Callee(common)) == "(golang.org/x/sync/errgroup.Group).Go" && literalOf(args[1]) == lit {
			groups = append(groups, args[0])
		}
	}
	ends := false
	for in, common := range Calls(lit.Parent()) {
		if FullName(Callee(common)) == "(golang.org/x/sync/errgroup.Group).Wait" && slices.Contains(groups, Args(common)[0]) {
			call, ok := in.(*ssa.Call)
			if !ok || !c.endsOn(call, seen) {
				return false
			}
			ends = true
		}
	}
	return ends
}

// endsOn reports whether the program ends when a call fails: the error is returned, by
// one that it ends with, or what is done on it ends it.
func (c *Code) endsOn(call *ssa.Call, seen map[*ssa.Function]bool) bool {
	err := errorOf(call)
	if err == nil || err.Referrers() == nil {
		return false
	}
	ends := false
	for _, use := range *err.Referrers() {
		switch use := use.(type) {
		case *ssa.Return, *ssa.Store:
			if !isReturnOf(use, err) {
				continue
			}
			if !c.isFatal(call.Parent(), seen) {
				return false
			}
			ends = true
		case *ssa.BinOp:
			for _, t := range *use.Referrers() {
				test, ok := t.(*ssa.If)
				if !ok {
					return false
				}
				isErr, at := errTest(test)
				if !isErr || !c.stops(test.Block().Succs[at], call, seen) {
					return false
				}
				ends = true
			}
		}
	}
	return ends
}

// isReturnOf reports whether an instruction returns a value, or stores it for a return
// behind it.
func isReturnOf(in ssa.Instruction, v ssa.Value) bool {
	ret, ok := in.Block().Instrs[len(in.Block().Instrs)-1].(*ssa.Return)
	return ok && (in == ssa.Instruction(ret) || slices.ContainsFunc(ret.Results, func(res ssa.Value) bool { return Returned(ret, res) == v }))
}

// stops reports whether each way from a block ends the program, or returns an error to
// one that does, and none leads back to the call.
func (c *Code) stops(b *ssa.BasicBlock, call *ssa.Call, seen map[*ssa.Function]bool) bool {
	been := map[*ssa.BasicBlock]bool{}
	var all func(b *ssa.BasicBlock) bool
	all = func(b *ssa.BasicBlock) bool {
		if been[b] {
			return true
		}
		been[b] = true
		if b.Dominates(call.Block()) {
			return false
		}
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Panic:
				return true
			case *ssa.Call:
				if exits(in.Common()) {
					return true
				}
			case *ssa.Return:
				return b.Parent().Name() == "main" || returnsError(in) && c.isFatal(b.Parent(), seen)
			}
		}
		return !slices.ContainsFunc(b.Succs, func(s *ssa.BasicBlock) bool { return !all(s) })
	}
	return all(b)
}

// exits reports whether a call ends the program, by its name.
func exits(call *ssa.CallCommon) bool {
	fn := Callee(call)
	if fn == nil || fn.Signature().Results().Len() > 0 {
		return false
	}
	if FullName(fn) == "os.Exit" {
		return true
	}
	name := strings.ToLower(fn.Name())
	return strings.HasPrefix(name, "fatal") || strings.HasPrefix(name, "exit") || strings.HasPrefix(name, "die")
}

// returnsError reports whether what is returned has an error that is not known to be
// nil. The body of a loop over a function stores it for the function around it.
func returnsError(ret *ssa.Return) bool {
	if IsLoopBody(ret.Parent()) {
		return slices.ContainsFunc(ret.Block().Instrs, func(in ssa.Instruction) bool {
			s, ok := in.(*ssa.Store)
			return ok && IsError(s.Val.Type()) && !IsNil(s.Val) && (OnError(ret.Block()) || isFailure(s.Val))
		})
	}
	return slices.ContainsFunc(ret.Results, func(v ssa.Value) bool {
		if given := Returned(ret, v); given != nil {
			v = given
		}
		k, isConst := v.(*ssa.Const)
		return IsError(v.Type()) && !(isConst && k.IsNil()) && (OnError(ret.Block()) || isFailure(v))
	})
}

// isFailure reports whether an error is made where it is returned.
func isFailure(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.MakeInterface:
		return true
	case *ssa.UnOp:
		_, ok := v.X.(*ssa.Global)
		return ok
	case *ssa.Call:
		name := FullName(Callee(v.Common()))
		return name == "errors.New" || name == "fmt.Errorf"
	}
	return false
}

// Returned is what a result has, where the function has a defer: it is stored, and
// loaded behind that. It is nil of another.
func Returned(ret *ssa.Return, v ssa.Value) (given ssa.Value) {
	load, ok := v.(*ssa.UnOp)
	if !ok {
		return nil
	}
	for _, in := range ret.Block().Instrs {
		if s, ok := in.(*ssa.Store); ok && s.Addr == load.X {
			given = s.Val
		}
	}
	return given
}

// errorOf is the error that a call returns, or nil.
func errorOf(call *ssa.Call) ssa.Value {
	if IsError(call.Type()) {
		return call
	}
	if _, ok := call.Type().(*types.Tuple); !ok || call.Referrers() == nil {
		return nil
	}
	for _, in := range *call.Referrers() {
		if x, ok := in.(*ssa.Extract); ok && IsError(x.Type()) {
			return x
		}
	}
	return nil
}
