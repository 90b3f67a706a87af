package symbol

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A perfMap is what a runtime tells perf of the code that it compiled, in /tmp/perf-PID.map: a line for each piece,
// of its address and size in hex, and its name. The last word on an address counts.
type perfMap struct {
	all   []piece
	state string // of the file when it was read
}

type piece struct {
	start, size uint64
	name        string
}

// mostPerfMap bounds what is read of one.
const mostPerfMap = 256 << 20

// readPerfMap reads the one that the process wrote, in the /tmp that it sees and by the number that it knows itself
// by, or returns nil. As perf does, it reads none that belongs to somebody else. Where the process has ended, it may
// have left one in our own /tmp.
func readPerfMap(proc string, pid int, owner os.FileInfo, before *perfMap) *perfMap {
	root := filepath.Join(proc, "root")
	names := []string{fmt.Sprintf("/tmp/perf-%d.map", pid)}
	if status, err := os.ReadFile(filepath.Join(proc, "status")); err == nil {
		names = nil
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
				for _, n := range slices.Backward(strings.Fields(rest)) { // the innermost namespace first
					names = append(names, "/tmp/perf-"+n+".map")
				}
			}
		}
	} else {
		root = "/"
	}
	for _, name := range names {
		f, err := openBelow(root, name)
		if err != nil {
			continue
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || owner == nil || !sameOwner(info, owner) {
			continue
		}
		if before != nil && before.state == identity(info) {
			return before
		}
		m := parsePerfMap(io.LimitReader(f, mostPerfMap))
		m.state = identity(info)
		return m
	}
	return nil
}

func parsePerfMap(r io.Reader) *perfMap {
	m := &perfMap{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.SplitN(lines.Text(), " ", 3)
		if len(f) != 3 {
			continue
		}
		start, err1 := strconv.ParseUint(strings.TrimPrefix(f[0], "0x"), 16, 64)
		size, err2 := strconv.ParseUint(strings.TrimPrefix(f[1], "0x"), 16, 64)
		if err1 == nil && err2 == nil {
			m.all = append(m.all, piece{start, size, f[2]})
		}
	}
	slices.SortStableFunc(m.all, func(a, b piece) int {
		switch {
		case a.start < b.start:
			return -1
		case a.start > b.start:
			return 1
		}
		return 0
	})
	return m
}

func (m *perfMap) lookup(addr uint64) Frame {
	if m == nil {
		return Frame{}
	}
	i, _ := slices.BinarySearchFunc(m.all, addr, func(p piece, addr uint64) int {
		if p.start > addr {
			return 1
		}
		return -1
	})
	if i == 0 || addr >= m.all[i-1].start+m.all[i-1].size {
		return Frame{}
	}
	return parsePiece(m.all[i-1].name)
}

// How runtimes name a piece of code.
var (
	nodePiece   = regexp.MustCompile(`^(?:JS|LazyCompile|Function|Script|Eval):[*~^+]?(\S*) (?:file://)?(.+?):(\d+)(?::\d+)?$`)
	pythonPiece = regexp.MustCompile(`^py::([^:]*):(.*)$`)
	javaPiece   = regexp.MustCompile(`^L?([\w/$]+);?::([\w$<>]+)`)
)

// parsePiece makes a frame of a name: Node's "JS:*fetch /app/a.js:12:3", Python's "py::fetch:/app/a.py", and Java's
// "com/acme/Client::fetch" of agents or "com.acme.Client.fetch(java.lang.String)" of jcmd.
func parsePiece(name string) Frame {
	if m := nodePiece.FindStringSubmatch(name); m != nil {
		line, _ := strconv.Atoi(m[3])
		f := Frame{Function: m[1], File: m[2], Line: line}
		if f.Function == "" {
			f.Function = "(anonymous)"
		}
		return f
	}
	if m := pythonPiece.FindStringSubmatch(name); m != nil {
		return Frame{Function: m[1], File: m[2]}
	}
	if m := javaPiece.FindStringSubmatch(name); m != nil {
		return Frame{Function: strings.ReplaceAll(m[1], "/", ".") + "." + m[2]}
	}
	if before, _, ok := strings.Cut(name, "("); ok && strings.Contains(before, ".") {
		words := strings.Fields(before) // a type may stand before it
		if len(words) > 0 {
			return Frame{Function: words[len(words)-1]}
		}
	}
	return Frame{Function: name}
}
