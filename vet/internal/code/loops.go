package code

import (
	"go/constant"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// InLoop reports whether an instruction is run again and again in one call of its
// function.
func InLoop(in ssa.Instruction) bool {
	return in.Block() != nil && comesBack(in.Block(), none)
}

// comesBack reports whether there is a way from a block to itself, but for what
// avoid says.
func comesBack(b *ssa.BasicBlock, avoid func(*ssa.BasicBlock) bool) bool {
	return leads(Next(b), avoid, func(at *ssa.BasicBlock) bool { return at == b })
}

// Reaches reports whether there is a way from a block to another.
func Reaches(from, to *ssa.BasicBlock) bool {
	return leads([]*ssa.BasicBlock{from}, none, func(b *ssa.BasicBlock) bool { return b == to })
}

// leads reports whether there is a way from one of the blocks to one that is meant, or
// is it, that does not come through what avoid says.
func leads(from []*ssa.BasicBlock, avoid, meant func(*ssa.BasicBlock) bool) bool {
	seen := map[*ssa.BasicBlock]bool{}
	var reach func(b *ssa.BasicBlock) bool
	reach = func(b *ssa.BasicBlock) bool {
		if meant(b) {
			return true
		}
		if seen[b] || avoid(b) {
			return false
		}
		seen[b] = true
		return slices.ContainsFunc(Next(b), reach)
	}
	return slices.ContainsFunc(from, reach)
}

func none(*ssa.BasicBlock) bool { return false }

// Next are the blocks that follow one: where the body of a loop over a function goes on with
// the next turn, its first.
func Next(b *ssa.BasicBlock) []*ssa.BasicBlock {
	if GoesOn(b.Instrs[len(b.Instrs)-1]) {
		return b.Parent().Blocks[:1]
	}
	return b.Succs
}

// GoesOn reports whether an instruction ends a turn of a loop over a function, and not the
// loop.
func GoesOn(in ssa.Instruction) bool {
	ret, ok := in.(*ssa.Return)
	if !ok || !IsLoopBody(ret.Parent()) {
		return false
	}
	more, ok := ret.Results[0].(*ssa.Const)
	return ok && constant.BoolVal(more.Value)
}

// around is the block that a block is reached by, each time: of the body of a loop over a
// function, that which the loop is in.
func around(b *ssa.BasicBlock) *ssa.BasicBlock {
	if dom := b.Idom(); dom != nil || !IsLoopBody(b.Parent()) {
		return dom
	}
	for _, p := range b.Parent().Parent().Blocks {
		for _, in := range p.Instrs {
			if m, ok := in.(*ssa.MakeClosure); ok && m.Fn == b.Parent() {
				return p
			}
		}
	}
	return nil
}

// home is the block that a block is in, where it is of the body of a loop over a function:
// that of the function around it. What can't be reached has none.
func home(b *ssa.BasicBlock) *ssa.BasicBlock {
	for IsLoopBody(b.Parent()) {
		out := around(b.Parent().Blocks[0])
		if out == nil {
			break
		}
		b = out
	}
	return b
}

// IsLoopBody reports whether a function is the body of a loop over another, which is called
// for each turn and says whether there may be more.
func IsLoopBody(f *ssa.Function) bool { return f.Synthetic == "range-over-func yield" }
