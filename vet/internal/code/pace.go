package code

import (
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// isPaced reports whether a loop does what is in a block seldom: it waits for time to pass, as
// a worker. One that comes back only where there was an error, to try again, is a part of each
// call of its function.
func isPaced(b *ssa.BasicBlock) bool { return waitsEachTurn(b) && !triesNext(b) }

// unfailed are the blocks that follow one, but where an error is not nil.
func unfailed(b *ssa.BasicBlock) []*ssa.BasicBlock {
	if test, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If); ok {
		if isErr, failed := errTest(test); isErr {
			return []*ssa.BasicBlock{b.Succs[1-failed]}
		}
	}
	return Next(b)
}

// IsPolled reports whether a loop waits for time to pass before it comes to a block of it,
// or as long each time before it comes back to it: who tries again waits longer.
func IsPolled(b *ssa.BasicBlock) bool {
	return before(b, waitsForTime) || inBetween(b, sleepsAsLong)
}

// sleepsAsLong reports whether an instruction waits for a time that is written there, or for
// a ticker.
func sleepsAsLong(in ssa.Instruction) bool {
	switch in := in.(type) {
	case *ssa.Call:
		return FullName(Callee(in.Common())) == "time.Sleep" && isConst(in.Call.Args[0])
	case *ssa.UnOp:
		return in.Op == token.ARROW && ticksAsLong(in.X)
	case *ssa.Select:
		return slices.ContainsFunc(in.States, func(s *ssa.SelectState) bool { return ticksAsLong(s.Chan) })
	}
	return false
}

// ticksAsLong reports whether a channel is a ticker's, or time.After's, of a time that is
// written there.
func ticksAsLong(ch ssa.Value) bool {
	switch ch := ch.(type) {
	case *ssa.Call:
		name := FullName(Callee(ch.Common()))
		return (name == "time.After" || name == "time.Tick") && isConst(ch.Call.Args[0])
	case *ssa.UnOp:
		f, ok := ch.X.(*ssa.FieldAddr)
		return ok && Named(f.X.Type(), "time", "Ticker")
	}
	return false
}

func isConst(v ssa.Value) bool {
	_, ok := v.(*ssa.Const)
	return ok
}

// turns reports whether a loop comes back to a block by itself, and at once: not when
// somebody sends something, when time has passed, nor when the turn before has failed.
func (c *Code) turns(b *ssa.BasicBlock) bool {
	return !waitsEachTurn(b) && !c.isFed(b) && !triesNext(b)
}

// triesNext reports whether a loop comes back to a block only where there was an error:
// it tries another way, or again, until one succeeds.
func triesNext(b *ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{}
	var succeeds func(at *ssa.BasicBlock) bool // in coming back
	succeeds = func(at *ssa.BasicBlock) bool {
		return slices.ContainsFunc(unfailed(at), func(next *ssa.BasicBlock) bool {
			if seen[next] {
				return false
			}
			seen[next] = true
			return next == b || succeeds(next)
		})
	}
	return !succeeds(b)
}

// startsAll reports whether an instruction starts a goroutine for each of what there is,
// all at once: there is nothing to use again before they are done.
func startsAll(in ssa.Instruction) bool {
	switch in := in.(type) {
	case *ssa.Go:
	case *ssa.Call:
		switch FullName(Callee(in.Common())) {
		case "(golang.org/x/sync/errgroup.Group).Go", "(sync.WaitGroup).Go":
		default:
			return false
		}
	default:
		return false
	}
	f := home(in.Block()).Parent()
	for _, common := range Calls(f) {
		if fn := Callee(common); fn != nil && (fn.Name() == "SetLimit" || fn.Name() == "Acquire") {
			return false
		}
	}
	if usesChannels(in.Parent()) || usesChannels(f) {
		return false // as many as there are places
	}
	for _, v := range in.Operands(nil) {
		if lit := literalOf(*v); lit != nil && usesChannels(lit) {
			return false
		}
	}
	return isRange(in.Block())
}

// isStartUp reports whether a loop is one in which a program's main goes through what
// there is before it serves.
func isStartUp(in ssa.Instruction) bool {
	b := home(in.Block())
	f := b.Parent()
	if f.Name() != "main" || f.Pkg == nil || f.Pkg.Pkg.Name() != "main" || !isRange(in.Block()) {
		return false
	}
	for call, common := range Calls(f) {
		if fn := Callee(common); fn != nil && startsWith(fn.Name(), []string{"Listen", "Serve"}) && Reaches(b, call.Block()) && !Reaches(call.Block(), b) {
			return true
		}
	}
	return false
}

// isRange reports whether a block is in a loop over the elements of something, and in no
// other.
func isRange(b *ssa.BasicBlock) bool {
	ranges := false
	for at := b; at != nil; at = around(at) {
		switch {
		case at.Comment == "rangeindex.loop", at.Comment == "rangeiter.loop", IsLoopBody(at.Parent()) && at.Idom() == nil:
			ranges = ranges || Reaches(b, at)
		case strings.HasPrefix(at.Comment, "for.") && comesBack(at, none):
			return false // for as long as it runs, maybe
		}
	}
	return ranges
}

// usesChannels reports whether a function does: it may wait for its turn.
func usesChannels(f *ssa.Function) bool {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Send, *ssa.Select:
				return true
			case *ssa.UnOp:
				if in.Op == token.ARROW {
					return true
				}
			}
		}
	}
	return false
}

// isFed reports whether each turn of a loop waits for what nothing in its package
// sends: how often its turns come is not known here. Empty structs are signals,
// which are closed as well.
func (c *Code) isFed(b *ssa.BasicBlock) bool {
	return eachTurn(b, func(in ssa.Instruction) bool {
		switch in := in.(type) {
		case *ssa.Select:
			fed := false
			for _, s := range in.States {
				if isSignal(elem(s.Chan)) {
					continue
				}
				if s.Dir == types.SendOnly || c.sends(s.Chan) {
					return false
				}
				fed = true
			}
			return fed && in.Blocking
		case *ssa.UnOp:
			return in.Op == token.ARROW && !isSignal(elem(in.X)) && !c.sends(in.X)
		}
		return false
	})
}

// sends reports whether the package sends what a channel is of.
func (c *Code) sends(ch ssa.Value) bool {
	of := elem(ch)
	return slices.ContainsFunc(c.sent, func(t types.Type) bool { return types.Identical(t, of) })
}

func isSignal(t types.Type) bool {
	s, ok := t.Underlying().(*types.Struct)
	return ok && s.NumFields() == 0
}

// sentBy is what an instruction sends on channels.
func sentBy(in ssa.Instruction) (sent []types.Type) {
	switch in := in.(type) {
	case *ssa.Send:
		sent = append(sent, elem(in.Chan))
	case *ssa.Select:
		for _, s := range in.States {
			if s.Dir == types.SendOnly {
				sent = append(sent, elem(s.Chan))
			}
		}
	}
	return sent
}

func elem(ch ssa.Value) types.Type {
	if ch, ok := types.Unalias(ch.Type()).Underlying().(*types.Chan); ok {
		return ch.Elem()
	}
	return types.Typ[types.Invalid] // of a type parameter
}

// eachTurn reports whether a loop comes by an instruction of a kind before it comes
// to a block, or before it comes back to it.
func eachTurn(b *ssa.BasicBlock, is func(ssa.Instruction) bool) bool {
	return before(b, is) || inBetween(b, is)
}

// waitsEachTurn reports whether it waits for time to pass: also if what the loop goes over
// does, a function of the package.
func waitsEachTurn(b *ssa.BasicBlock) bool {
	for at := b; at != nil; at = around(at) {
		if f := at.Parent(); IsLoopBody(f) && at.Idom() == nil && iteratorWaits(f) {
			return true
		}
	}
	return eachTurn(b, waitsForTime)
}

// iteratorWaits reports whether the function that a loop goes over waits for time to pass, in
// a loop of its own.
func iteratorWaits(body *ssa.Function) bool {
	for _, common := range Calls(body.Parent()) {
		if !slices.ContainsFunc(common.Args, func(v ssa.Value) bool { return literalOf(v) == body }) {
			continue
		}
		iterator := common.StaticCallee()
		if call, ok := common.Value.(*ssa.Call); ok && call.Call.StaticCallee() != nil { // every(time.Minute)
			for _, lit := range call.Call.StaticCallee().AnonFuncs {
				if IsReturned(lit) {
					iterator = lit
				}
			}
		}
		if iterator == nil {
			continue
		}
		for _, b := range iterator.Blocks {
			if slices.ContainsFunc(b.Instrs, func(in ssa.Instruction) bool { return InLoop(in) && waitsForTime(in) }) {
				return true
			}
		}
	}
	return false
}

// inBetween reports whether it does so on each way from a block of it back to that.
func inBetween(b *ssa.BasicBlock, is func(ssa.Instruction) bool) bool {
	return !comesBack(b, func(at *ssa.BasicBlock) bool { return slices.ContainsFunc(at.Instrs, is) })
}

// before reports whether it does before it comes to the block.
func before(b *ssa.BasicBlock, is func(ssa.Instruction) bool) bool {
	for at := b; at != nil; at = around(at) {
		for _, in := range at.Instrs {
			if is(in) && InLoop(in) {
				return true
			}
		}
	}
	return false
}

func waitsForTime(in ssa.Instruction) bool { return waits(in, 0) }

// waits reports whether an instruction does, or the function that it calls.
func waits(in ssa.Instruction, depth int) bool {
	switch in := in.(type) {
	case *ssa.Select:
		return slices.ContainsFunc(in.States, func(s *ssa.SelectState) bool { return isTime(s.Chan.Type()) })
	case *ssa.UnOp:
		return in.Op == token.ARROW && isTime(in.X.Type())
	case *ssa.Call:
		switch fn := Callee(in.Common()); FullName(fn) {
		case "time.Sleep", "(golang.org/x/time/rate.Limiter).Wait":
			return true
		case "":
		default:
			if callee := in.Call.StaticCallee(); callee == nil || callee.Blocks == nil {
				return strings.HasPrefix(strings.ToLower(fn.Name()), "sleep")
			}
		}
		return depth < 2 && sleeps(in.Call.StaticCallee(), depth+1)
	}
	return false
}

// sleeps reports whether a function waits, and does little else: it makes no loop
// of it, and no request.
func sleeps(f *ssa.Function, depth int) (does bool) {
	if f == nil || len(f.Blocks) > 16 {
		return false
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if call, ok := in.(ssa.CallInstruction); ok && IsRequest(Callee(call.Common())) {
				return false
			}
			does = does || waits(in, depth) && !InLoop(in)
		}
	}
	return does
}

func isTime(t types.Type) bool {
	ch, ok := types.Unalias(t).Underlying().(*types.Chan)
	return ok && Named(ch.Elem(), "time", "Time")
}
