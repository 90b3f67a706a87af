package symbol

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// A goTable is the table of functions and lines that the Go linker puts into each binary, stripped or not
// (runtime/symtab.go, struct pcHeader and below; cmd/link/internal/ld/pcln.go). debug/gosym reads it too, but knows
// nothing of calls that were inlined.
//
// It is of a 64-bit binary of Go 1.18 or later. Nothing here trusts an offset: a table that was damaged has frames
// missing, and that is all.
type goTable struct {
	order     binary.ByteOrder
	withStart bool // Go 1.20 and later: a function says on which line it starts
	quantum   uint64
	count     int // of functions
	text      uint64

	names, units, files, values, functions []byte

	// inlined is what the offsets of inline trees are of (moduledata.gofunc); nil where it was not found.
	inlined []byte
}

// Magic numbers of pcHeader.
const (
	goMagic118 = 0xfffffff0
	goMagic120 = 0xfffffff1
)

// parseGoTable reads the header. Where the binary was linked by another linker, its own word on where the text
// begins may not be in the file: text is that then.
func parseGoTable(b []byte, order binary.ByteOrder) *goTable {
	const header = 8 + 8*8
	if len(b) < header || b[7] != 8 {
		return nil
	}
	t := &goTable{order: order, quantum: uint64(b[6])}
	switch order.Uint32(b) {
	case goMagic118:
	case goMagic120:
		t.withStart = true
	default:
		return nil
	}
	word := func(i int) uint64 { return order.Uint64(b[8+8*i:]) }
	part := func(i int) []byte {
		if at := word(i); at < uint64(len(b)) {
			return b[at:]
		}
		return nil
	}
	t.count, t.text = int(word(0)), word(2)
	t.names, t.units, t.files, t.values, t.functions = part(3), part(4), part(5), part(6), part(7)
	if t.count <= 0 || t.count > len(t.functions)/8 {
		return nil
	}
	return t
}

func (t *goTable) u32(b []byte, at uint64) uint32 {
	if at+4 > uint64(len(b)) || at+4 < at {
		return 0
	}
	return t.order.Uint32(b[at:])
}

// start is where function i begins, from the beginning of the text.
func (t *goTable) start(i int) uint64 { return uint64(t.u32(t.functions, uint64(i)*8)) }

func cString(b []byte, at uint64) string {
	if at >= uint64(len(b)) {
		return ""
	}
	b = b[at:]
	if end := bytes.IndexByte(b, 0); end >= 0 {
		return string(b[:end])
	}
	return ""
}

// Where a function's description (runtime._func) has what.
const (
	funcName      = 4
	funcPCFile    = 20
	funcPCLine    = 24
	funcNPCData   = 28
	funcUnit      = 32
	pcdataInline  = 2 // abi.PCDATA_InlTreeIndex
	funcdataInl   = 3 // abi.FUNCDATA_InlTree
	inlinedSize   = 16
	inlinedName   = 4
	inlinedParent = 8
)

// A goFunc is one function of the table.
type goFunc struct {
	t     *goTable
	start uint64 // from the beginning of the text
	at    uint64 // of its description, in functions
}

func (t *goTable) function(i int) goFunc {
	return goFunc{t, t.start(i), uint64(t.u32(t.functions, uint64(i)*8+4))}
}

func (f goFunc) field(at uint64) uint32 { return f.t.u32(f.t.functions, f.at+at) }
func (f goFunc) name() string           { return cString(f.t.names, uint64(f.field(funcName))) }

// fixed is the size of a description without its lists.
func (f goFunc) fixed() uint64 {
	if f.t.withStart {
		return 44
	}
	return 40
}

// frames are the functions at an address, the innermost first; nil where it is no Go code.
func (t *goTable) frames(addr uint64) (all []Frame) {
	pc := addr - t.text
	if addr < t.text || pc >= t.start(t.count) {
		return nil
	}
	f := t.function(sort.Search(t.count, func(i int) bool { return t.start(i) > pc }) - 1)
	const deepest = 64 // a tree that was damaged may go in circles
	for i := f.inlinedAt(pc); i >= 0 && len(all) < deepest; i = f.inlinedAt(pc) {
		call := f.tree(i)
		if call == nil {
			break
		}
		all = append(all, f.frame(cString(t.names, uint64(t.order.Uint32(call[inlinedName:]))), pc))
		pc = f.start + uint64(t.order.Uint32(call[inlinedParent:]))
	}
	return append(all, f.frame(f.name(), pc))
}

func (f goFunc) frame(name string, pc uint64) Frame {
	fr := Frame{Function: name, Line: int(max(f.value(f.field(funcPCLine), pc), 0))}
	file := f.value(f.field(funcPCFile), pc)
	if file < 0 {
		return fr
	}
	at := f.t.u32(f.t.units, 4*(uint64(f.field(funcUnit))+uint64(file)))
	fr.File = cString(f.t.files, uint64(at))
	return fr
}

// inlinedAt is the index of the call, inlined into f, that pc is in, or -1.
func (f goFunc) inlinedAt(pc uint64) int32 {
	if f.t.inlined == nil || f.field(funcNPCData) <= pcdataInline {
		return -1
	}
	return f.value(f.field(f.fixed()+4*pcdataInline), pc)
}

// tree is the description of an inlined call (runtime.inlinedCall).
func (f goFunc) tree(i int32) []byte {
	last := f.fixed() - 1 // the number of the lists of funcdata is the last byte
	if f.at+last >= uint64(len(f.t.functions)) || f.t.functions[f.at+last] <= funcdataInl {
		return nil
	}
	offset := f.field(f.fixed() + 4*uint64(f.field(funcNPCData)) + 4*funcdataInl)
	from := uint64(offset) + uint64(i)*inlinedSize
	if offset == ^uint32(0) || from+inlinedSize > uint64(len(f.t.inlined)) {
		return nil
	}
	return f.t.inlined[from : from+inlinedSize]
}

// value looks into a table of values by pc: pairs of a difference of values and one of pcs (runtime.step).
func (f goFunc) value(offset uint32, target uint64) int32 {
	if offset == 0 || uint64(offset) >= uint64(len(f.t.values)) {
		return -1
	}
	b := f.t.values[offset:]
	pc, v := f.start, int32(-1)
	for first := true; ; first = false {
		d, n := binary.Uvarint(b)
		if n <= 0 || d == 0 && !first {
			return -1
		}
		b = b[n:]
		v += int32(-(d & 1) ^ (d >> 1))
		d, n = binary.Uvarint(b)
		if n <= 0 {
			return -1
		}
		b = b[n:]
		if pc += d * f.t.quantum; target < pc {
			return v
		}
	}
}

// find is a function by its full name.
func (t *goTable) find(name string) (goFunc, bool) {
	want := append([]byte(name), 0)
	for i := range t.count {
		f := t.function(i)
		if at := uint64(f.field(funcName)); at < uint64(len(t.names)) && bytes.HasPrefix(t.names[at:], want) {
			return f, true
		}
	}
	return goFunc{}, false
}

// size is how long the code is, to where the next function begins.
func (f goFunc) size() uint64 {
	i := sort.Search(f.t.count, func(i int) bool { return f.t.start(i) > f.start })
	return min(f.t.start(i)-f.start, 1<<20)
}
