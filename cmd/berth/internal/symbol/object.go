package symbol

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"io"
	"path/filepath"
	"slices"
	"sort"

	"github.com/ianlancetaylor/demangle"
	"github.com/ulikunitz/xz"
)

// A function is a symbol of code.
type function struct {
	start, size uint64
	name        string
}

func readObject(r io.ReaderAt, root string) (*Object, error) {
	e, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	o := &Object{machine: e.Machine}
	for _, p := range e.Progs {
		if p.Type == elf.PT_LOAD {
			o.loads = append(o.loads, p.ProgHeader)
		}
	}
	o.table = readGoTable(e)
	if o.table != nil && e.Section(".interp") == nil {
		return o, nil // it has no code but Go's
	}
	o.addNames(e, ".symtab")
	if len(o.names) == 0 {
		o.addNames(e, ".dynsym")
		o.addDebugData(e)
		o.addDebugFile(e, root)
	}
	slices.SortStableFunc(o.names, func(a, b function) int {
		switch {
		case a.start < b.start:
			return -1
		case a.start > b.start:
			return 1
		}
		return int(min(a.size, 1<<30)) - int(min(b.size, 1<<30)) // the last at an address, which native takes, is the largest
	})
	return o, nil
}

// addNames adds the functions of a table of symbols.
func (o *Object) addNames(e *elf.File, source string) {
	kind := map[string]elf.SectionType{".symtab": elf.SHT_SYMTAB, ".dynsym": elf.SHT_DYNSYM}[source]
	if s := e.SectionByType(kind); s == nil || int(s.Link) >= len(e.Sections) || !isModest(s) || !isModest(e.Sections[s.Link]) {
		return
	}
	symbols, err := e.Symbols()
	if source == ".dynsym" {
		symbols, err = e.DynamicSymbols()
	}
	if err != nil || len(symbols) == 0 {
		return
	}
	o.found = append(o.found, source)
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Value != 0 && len(s.Name) < mostName && s.Section != elf.SHN_UNDEF {
			o.names = append(o.names, function{s.Value, s.Size, s.Name})
		}
	}
}

// mostSection bounds what is read at once of a file that somebody may have made to have us run out of memory. The
// largest tables that are known have half of it.
const mostSection = 256 << 20

// mostName is how long the name of a function may be.
const mostName = 4096

// isModest reports whether a section can be read: none that we read is compressed by anybody who means well.
func isModest(s *elf.Section) bool { return s.Size <= mostSection && s.Flags&elf.SHF_COMPRESSED == 0 }

// data is what is in a section, or nil.
func data(s *elf.Section) []byte {
	if s == nil || !isModest(s) {
		return nil
	}
	b, err := s.Data()
	if err != nil {
		return nil
	}
	return b
}

// mostDebugData bounds what .gnu_debugdata may unpack to.
const mostDebugData = 256 << 20

// addDebugData adds what Fedora and its like compress into a stripped binary (MiniDebugInfo).
func (o *Object) addDebugData(e *elf.File) {
	s := e.Section(".gnu_debugdata")
	if s == nil {
		return
	}
	r, err := xz.NewReader(s.Open())
	if err != nil {
		return
	}
	b, err := io.ReadAll(io.LimitReader(r, mostDebugData))
	if err != nil {
		return
	}
	if inner, err := elf.NewFile(bytes.NewReader(b)); err == nil {
		o.addNames(inner, ".symtab")
	}
}

// addDebugFile adds what a package of debug symbols has installed, by the build id.
func (o *Object) addDebugFile(e *elf.File, root string) {
	id := buildID(e)
	if len(id) < 2 {
		return
	}
	h := hex.EncodeToString(id)
	f, err := elf.Open(filepath.Join("/", root, "usr/lib/debug/.build-id", h[:2], h[2:]+".debug")) // a link, at some
	if err != nil {
		return
	}
	defer f.Close()
	o.addNames(f, ".symtab")
}

// buildID is what is in the note of that name: lengths of name and description, a type, "GNU\0", the id.
func buildID(e *elf.File) []byte {
	b := data(e.Section(".note.gnu.build-id"))
	if len(b) < 16 {
		return nil
	}
	n := e.ByteOrder.Uint32(b[4:])
	if uint64(n) > uint64(len(b)-16) {
		return nil
	}
	return b[16 : 16+n]
}

// native is the function at an address, by the symbols.
func (o *Object) native(addr uint64) string {
	i := sort.Search(len(o.names), func(i int) bool { return o.names[i].start > addr }) - 1
	if i < 0 {
		return ""
	}
	f := o.names[i]
	if f.size != 0 && addr >= f.start+f.size {
		return "" // behind the end of that one: a function without a name
	}
	return demangle.Filter(f.name, demangle.NoParams, demangle.NoTemplateParams, demangle.MaxLength(10)) // 2^10 bytes: some names unfold without end
}

// readGoTable finds the table and what it refers to, or returns nil.
func readGoTable(e *elf.File) *goTable {
	if e.Class != elf.ELFCLASS64 {
		return nil
	}
	s := e.Section(".gopclntab")
	if s == nil {
		s = e.Section(".data.rel.ro.gopclntab") // position-independent
	}
	t := parseGoTable(data(s), e.ByteOrder)
	if t == nil {
		return nil
	}
	m := findModule(e, s.Addr)
	if m.text != 0 {
		t.text = m.text
	}
	if t.text == 0 {
		if text := e.Section(".text"); text != nil {
			t.text = text.Addr
		}
	}
	t.inlined = bytesAt(e, m.inlined)
	return t
}

// A module is what is read of runtime.firstmoduledata: where the code begins, and what inline trees are found by.
type module struct{ text, inlined uint64 }

// Words of runtime.moduledata, the same from Go 1.20 to 1.26 (runtime/symtab.go).
const (
	moduleText   = 22
	moduleGoFunc = 40
	moduleWords  = moduleGoFunc + 1
)

// findModule looks for the moduledata, whose first word is the address of the table: in a section of its own (Go
// 1.26), or somewhere among the data. Of a position-independent binary the words are among the relocations.
func findModule(e *elf.File, table uint64) (m module) {
	relocated := relocations(e)
	for _, name := range []string{".go.module", ".noptrdata", ".data", ".data.rel.ro"} {
		s := e.Section(name)
		if s == nil || s.Type == elf.SHT_NOBITS {
			continue
		}
		b := data(s)
		word := func(at int) uint64 {
			if v, ok := relocated[s.Addr+uint64(at)]; ok {
				return v
			}
			return e.ByteOrder.Uint64(b[at:])
		}
		for at := 0; at+8*moduleWords <= len(b); at += 8 {
			if word(at) == table {
				return module{word(at + 8*moduleText), word(at + 8*moduleGoFunc)}
			}
		}
	}
	return m
}

// relocations are the words that a loader adds the base to, by their address: RELA entries of 24 bytes.
func relocations(e *elf.File) map[uint64]uint64 {
	relative := map[elf.Machine]uint64{elf.EM_X86_64: uint64(elf.R_X86_64_RELATIVE), elf.EM_AARCH64: uint64(elf.R_AARCH64_RELATIVE)}[e.Machine]
	if e.Type != elf.ET_DYN {
		return nil
	}
	b := data(e.Section(".rela.dyn"))
	all := make(map[uint64]uint64, len(b)/24)
	for ; len(b) >= 24; b = b[24:] {
		if order := e.ByteOrder; order.Uint64(b[8:])&0xffffffff == relative {
			all[order.Uint64(b)] = order.Uint64(b[16:])
		}
	}
	return all
}

// bytesAt is what the file has from an address to the end of that section.
func bytesAt(e *elf.File, addr uint64) []byte {
	if addr == 0 {
		return nil
	}
	for _, s := range e.Sections {
		if s.Type == elf.SHT_PROGBITS && s.Flags&elf.SHF_ALLOC != 0 && addr >= s.Addr && addr < s.Addr+s.Size {
			if b := data(s); addr-s.Addr < uint64(len(b)) {
				return b[addr-s.Addr:]
			}
		}
	}
	return nil
}
