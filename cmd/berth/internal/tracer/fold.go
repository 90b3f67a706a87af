package tracer

import (
	_ "embed"
	"path"
	"slices"
	"strings"

	"github.com/berth-go/berth/cmd/berth/internal/symbol"
)

//go:embed libraries.txt
var librariesText string

var libraries = parseLibraries(librariesText)

// A folded set tells what is not the application's.
type folded struct{ functions, files, modules []string }

func parseLibraries(text string) (f folded) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "file "); ok {
			f.files = append(f.files, rest)
		} else if rest, ok := strings.CutPrefix(line, "module "); ok {
			f.modules = append(f.modules, rest)
		} else {
			f.functions = append(f.functions, line)
		}
	}
	return f
}

// application is the index of the first frame that is the application's, or -1.
func application(stack []symbol.Frame) int {
	for i, f := range stack {
		if f.Function != "" && !libraries.has(f) && !isStandard(f) {
			return i
		}
	}
	return -1
}

func (l folded) has(f symbol.Frame) bool {
	for _, p := range l.functions {
		if strings.HasPrefix(f.Function, p) {
			return true
		}
	}
	if f.File != "" { // the module is the runtime's then, and the code is not
		return isScript(f.File) && slices.ContainsFunc(l.files, func(part string) bool { return strings.Contains(f.File, part) })
	}
	return slices.ContainsFunc(l.modules, func(m string) bool {
		version, ok := strings.CutPrefix(f.Module, m)
		return ok && (version == "" || strings.ContainsRune(".-0123456789", rune(version[0])))
	})
}

// isScript reports whether a file is of Node or Python, whose libraries are known by their files.
func isScript(file string) bool {
	return strings.HasPrefix(file, "node:") || slices.Contains([]string{".js", ".mjs", ".cjs", ".ts", ".py"}, path.Ext(file))
}

// isStandard reports whether a frame is of Go's standard library: a package that has no dot in the first element of
// its path and is in the list, since a module of an application may have none either.
func isStandard(f symbol.Frame) bool {
	if f.File == "" || path.Ext(f.File) != ".go" && path.Ext(f.File) != ".s" {
		return false
	}
	// crypto/tls.(*Conn).Read, net.(*Dialer).Dial, runtime.goexit
	first := f.Function
	if i := strings.IndexAny(first, "/."); i >= 0 {
		first = first[:i]
	}
	return standard[first]
}

// standard are the first elements of the standard library's packages.
var standard = set(`archive bufio bytes cmp compress container context crypto database debug embed encoding errors
	expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp
	runtime slices sort strconv strings structs sync syscall testing text time type unicode unique unsafe vendor weak`)

func set(words string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(words) {
		all[w] = true
	}
	return all
}
