// Package symbol says which functions the addresses of a process's stack are in: of Go, stripped or not, of ELF
// symbols and of the perf maps that Java, Node and Python write.
package symbol

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Frame is a function that was under way.
type Frame struct {
	Function string // as its language writes it; empty where it is not known
	File     string // as the binary has it; often empty
	Line     int    // zero where it is not known
	Module   string // the base name of the file that the code is from, or empty
}

// String is the frame as a stack shows it.
func (f Frame) String() string {
	switch {
	case f.Function == "" && f.Module == "":
		return "?"
	case f.Function == "":
		return "? in " + f.Module
	case f.File == "":
		return f.Function
	case f.Line == 0:
		return f.Function + " (" + path.Base(f.File) + ")"
	}
	return fmt.Sprintf("%s (%s:%d)", f.Function, path.Base(f.File), f.Line)
}

// Files holds the executables and libraries that were read, since processes share them. The zero value is empty
// and ready; its methods may be called at the same time.
type Files struct {
	mu   sync.Mutex // guards all
	all  map[string]*Object
	root string // of the debug files; tests set it
}

// Object returns what a file has to say, read once for each file. The name is where it can be opened now, and shown
// what it is called.
func (fs *Files) Object(name, shown string) (*Object, error) {
	f, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return fs.object(f, shown)
}

func (fs *Files) object(f *os.File, shown string) (*Object, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	key := cmp.Or(identity(info), f.Name())
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if o := fs.all[key]; o != nil {
		return o, nil
	}
	o, err := readObject(f, fs.root)
	if err != nil {
		return nil, err
	}
	o.Name = shown
	if fs.all == nil {
		fs.all = map[string]*Object{}
	}
	fs.all[key] = o
	return o, nil
}

// A Process is the code that a process had mapped when it was opened, which outlives the process.
type Process struct {
	// Program is its executable, or nil where that could not be read, and Executable is where it can be opened.
	Program    *Object
	Executable string

	pid      int
	proc     string // /proc/PID
	owner    os.FileInfo
	began    string // when it did, in ticks since boot: its number may be another one's later
	files    *Files
	maps     []mapping
	objects  map[string]*Object // by the path in maps; nil where it could not be read
	perf     *perfMap
	perfRead bool
}

// A mapping is a line of /proc/PID/maps that may be executed.
type mapping struct {
	start, end, offset uint64
	inode              uint64
	path               string
}

// Open reads the maps of a process, and its executable. Its libraries are read as they are needed.
func Open(files *Files, pid int) (*Process, error) {
	p := &Process{pid: pid, proc: filepath.Join("/proc", strconv.Itoa(pid)), files: files, objects: map[string]*Object{}}
	p.began = p.startTime()
	if err := p.Reload(); err != nil {
		return nil, err
	}
	p.owner, _ = os.Stat(p.proc)
	p.readProgram()
	return p, nil
}

// readProgram reads the executable: by the link in /proc, which only its user and root may follow, or by the name that
// the first of its maps has, if that is the same file.
func (p *Process) readProgram() {
	exe := filepath.Join(p.proc, "exe")
	if path, err := os.Readlink(exe); err == nil {
		path = strings.TrimSuffix(path, " (deleted)")
		if o, err := p.files.Object(exe, path); err == nil {
			p.Program, p.Executable, p.objects[path] = o, exe, o
		}
		return
	}
	if m := p.maps[0]; inode(m.path) == m.inode {
		if o, err := p.files.Object(m.path, m.path); err == nil {
			p.Program, p.Executable, p.objects[m.path] = o, m.path, o
		}
	}
}

// Reload reads the maps again, since a process loads libraries and compiles code as it runs. What it had stays if
// the process is gone.
func (p *Process) Reload() error {
	if p.startTime() != p.began {
		return os.ErrNotExist
	}
	b, err := os.ReadFile(filepath.Join(p.proc, "maps"))
	if err != nil {
		return err
	}
	maps := parseMaps(string(b))
	if len(maps) == 0 { // the kernel lets it be opened, and shows nothing
		return &os.PathError{Op: "read", Path: filepath.Join(p.proc, "maps"), Err: os.ErrPermission}
	}
	p.maps, p.perfRead = maps, false
	return nil
}

// startTime is field 22 of /proc/PID/stat. The second one, in brackets, is a name that may have anything in it.
func (p *Process) startTime() string {
	b, _ := os.ReadFile(filepath.Join(p.proc, "stat"))
	rest := string(b[bytes.LastIndexByte(b, ')')+1:])
	if f := strings.Fields(rest); len(f) > 19 {
		return f[19]
	}
	return ""
}

// parseMaps keeps what may be executed: 7f…-7f… r-xp 00028000 08:01 1234   /usr/lib/libc.so.6
func parseMaps(text string) (all []mapping) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.Contains(f[1], "x") {
			continue
		}
		from, to, ok := strings.Cut(f[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		offset, err3 := strconv.ParseUint(f[2], 16, 64)
		if !ok || err1 != nil || err2 != nil || err3 != nil {
			continue
		}
		m := mapping{start: start, end: end, offset: offset}
		m.inode, _ = strconv.ParseUint(f[4], 10, 64)
		if len(f) > 5 {
			m.path = strings.TrimSuffix(strings.TrimSpace(line[strings.LastIndex(line, " "+f[4]+" ")+len(f[4])+2:]), " (deleted)")
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b mapping) int {
		if a.start < b.start {
			return -1
		}
		return 1
	})
	return all
}

func (p *Process) mapping(pc uint64) *mapping {
	i, found := slices.BinarySearchFunc(p.maps, pc, func(m mapping, pc uint64) int {
		switch {
		case pc < m.start:
			return 1
		case pc >= m.end:
			return -1
		}
		return 0
	})
	if !found {
		return nil
	}
	return &p.maps[i]
}

func (p *Process) object(m *mapping) *Object {
	if !strings.HasPrefix(m.path, "/") {
		return nil
	}
	if o, ok := p.objects[m.path]; ok {
		return o
	}
	// By map_files, which needs root, it is the very file, even if it was deleted; else as the process sees it; and
	// where the process has ended, what is there by that name, if it is that file still.
	for _, open := range []func() (*os.File, error){
		func() (*os.File, error) {
			return openRegular(filepath.Join(p.proc, "map_files", fmt.Sprintf("%x-%x", m.start, m.end)))
		},
		func() (*os.File, error) { return openBelow(filepath.Join(p.proc, "root"), m.path) },
		func() (*os.File, error) {
			if inode(m.path) != m.inode {
				return nil, os.ErrNotExist
			}
			return openRegular(m.path)
		},
	} {
		f, err := open()
		if err != nil {
			continue
		}
		o, err := p.files.object(f, m.path)
		f.Close()
		if err == nil {
			p.objects[m.path] = o
			return o
		}
	}
	p.objects[m.path] = nil // there is no other way to it
	return nil
}

// Frames are the functions at an address of a stack, the innermost first: more than one where calls were inlined,
// and never none. A return address is behind the call that it stands for, and an address that is no return address
// is where it is.
func (p *Process) Frames(pc uint64, isReturn bool) []Frame {
	at := pc
	if isReturn {
		at--
	}
	m := p.mapping(at)
	if m == nil {
		return p.inPerfMap(at)
	}
	o := p.object(m)
	if o == nil {
		if m.path != "" && !strings.HasPrefix(m.path, "/") && !strings.HasPrefix(m.path, "[anon") && !strings.HasPrefix(m.path, "[heap") {
			return []Frame{{Module: m.path}} // [vdso]
		}
		if all := p.inPerfMap(at); all[0].Function != "" || m.path == "" {
			return all
		}
		return []Frame{{Module: path.Base(m.path)}}
	}
	all := o.Frames(at - m.start + m.offset)
	for i := range all {
		all[i].Module = path.Base(m.path)
	}
	return all
}

// inPerfMap looks into what a runtime has written of the code that it compiled. perf looks where we do.
func (p *Process) inPerfMap(at uint64) []Frame {
	if !p.perfRead {
		p.perfRead = true
		if perf := readPerfMap(p.proc, p.pid, p.owner, p.perf); perf != nil {
			p.perf = perf
		}
	}
	return []Frame{p.perf.lookup(at)}
}

// An Object is what an executable or a library says of its functions.
type Object struct {
	Name string // its path

	machine elf.Machine
	loads   []elf.ProgHeader
	table   *goTable // nil where it is not Go
	names   []function
	found   []string // which of the sources of names it had
}

// Frames are the functions at an offset in the file.
func (o *Object) Frames(offset uint64) []Frame {
	addr, ok := o.address(offset)
	if !ok {
		return []Frame{{}}
	}
	if o.table != nil {
		if all := o.table.frames(addr); all != nil {
			return all
		}
	}
	return []Frame{{Function: o.native(addr)}}
}

// address is where an offset of the file was linked to be.
func (o *Object) address(offset uint64) (uint64, bool) {
	for _, l := range o.loads {
		if offset >= l.Off && offset < l.Off+l.Filesz {
			return offset - l.Off + l.Vaddr, true
		}
	}
	return 0, false
}

// Func is where in the file a function of Go begins, by its full name.
func (o *Object) Func(name string) (offset uint64, ok bool) {
	f, ok := o.function(name)
	if !ok {
		return 0, false
	}
	return o.offset(f.t.text + f.start)
}

// Call is where in the file, which code reads, a function of Go calls another one: its arguments are in their
// registers there. Of several calls it is the first.
func (o *Object) Call(code io.ReaderAt, in, to string) (offset uint64, ok bool) {
	caller, ok1 := o.function(in)
	callee, ok2 := o.function(to)
	if !ok1 || !ok2 {
		return 0, false
	}
	addr := caller.t.text + caller.start
	from, ok := o.offset(addr)
	if !ok {
		return 0, false
	}
	b := make([]byte, caller.size())
	if _, err := code.ReadAt(b, int64(from)); err != nil {
		return 0, false
	}
	at := findCall(o.machine, b, addr, callee.t.text+callee.start)
	return from + uint64(max(at, 0)), at >= 0
}

// findCall is where in the code, which begins at an address, a call of a target is, or -1.
func findCall(machine elf.Machine, code []byte, addr, target uint64) int {
	switch machine {
	case elf.EM_X86_64: // CALL rel32
		for i := 0; i+5 <= len(code); i++ {
			if code[i] == 0xe8 && addr+uint64(i)+5+uint64(int64(int32(binary.LittleEndian.Uint32(code[i+1:])))) == target {
				return i
			}
		}
	case elf.EM_AARCH64: // BL imm26
		for i := 0; i+4 <= len(code); i += 4 {
			word := binary.LittleEndian.Uint32(code[i:])
			if word>>26 == 0b100101 && addr+uint64(i)+uint64(int64(int32(word<<6)>>6)*4) == target {
				return i
			}
		}
	}
	return -1
}

func (o *Object) function(name string) (goFunc, bool) {
	if o.table == nil {
		return goFunc{}, false
	}
	return o.table.find(name)
}

// offset is where in the file an address is.
func (o *Object) offset(addr uint64) (uint64, bool) {
	for _, l := range o.loads {
		if addr >= l.Vaddr && addr < l.Vaddr+l.Filesz {
			return addr - l.Vaddr + l.Off, true
		}
	}
	return 0, false
}

// IsGo reports whether the file was built by the Go toolchain.
func (o *Object) IsGo() bool { return o.table != nil }

// Stripped reports whether there are no names of functions, but for those that others link to.
func (o *Object) Stripped() bool { return o.table == nil && !slices.Contains(o.found, ".symtab") }
