package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	library = "github.com/berth-go/berth"
	here    = library + "/cmd/berth"
)

// allowed says what each package of this module may import beyond the standard library: the arrows of the
// design, sockdiag → sock, the verbs wire them. Change it in the same commit as the import, and say why.
var allowed = map[string][]string{
	".": {
		here + "/internal/advice",
		here + "/internal/bill",
		here + "/internal/census",
		here + "/internal/demo",
		here + "/internal/diagnose",
		here + "/internal/explain",
		here + "/internal/ports",
		here + "/internal/report",
		here + "/internal/tracer",
		library + "/vet/govet",
		"github.com/spf13/cobra",
		"github.com/spf13/pflag", // cobra's flags: what is wrong with one, by type
		"golang.org/x/term",
	},
	"internal/demo": {
		library, // the cure
		library + "/internal/netlab",
		here + "/internal/sock",
		here + "/internal/sockdiag",
	},
	"internal/advice": { // which client an owner is, and its words for the general advice of a finding
		here + "/internal/diagnose",
		here + "/internal/ports",
	},
	"internal/diagnose": {
		here + "/internal/ports",
		here + "/internal/sock",
	},
	"internal/explain": { // errors of a log are joined with the findings that explain them
		here + "/internal/diagnose",
		here + "/internal/ports",
	},
	"internal/report": {
		here + "/internal/advice",
		here + "/internal/bill",
		here + "/internal/diagnose",
		here + "/internal/explain",
		here + "/internal/ports",
		here + "/internal/sock",
		here + "/internal/verdict",
	},
	"internal/bill": {},
	"internal/bpf": {
		"github.com/cilium/ebpf",
		"github.com/cilium/ebpf/link",
		"github.com/cilium/ebpf/ringbuf",
		"github.com/cilium/ebpf/rlimit",
	},
	"internal/symbol": {
		"github.com/ianlancetaylor/demangle", // names of C++ and Rust
		"github.com/ulikunitz/xz",            // .gnu_debugdata
		"golang.org/x/sys/unix",              // openat2, which package syscall has not
	},
	"internal/tracer": { // the kernel's counts, symbols and /proc, wired into one bill
		here + "/internal/bill",
		here + "/internal/bpf",
		here + "/internal/procfs",
		here + "/internal/sock",
		here + "/internal/sockdiag",
		here + "/internal/symbol",
	},
	"internal/verdict": {
		here + "/internal/bill",
		here + "/internal/diagnose",
	},
	"internal/sock":     {},
	"internal/sockdiag": {here + "/internal/sock"},
	"internal/procfs":   {},
	"internal/ports":    {here + "/internal/sock"},
	"internal/census": { // the reads, wired into one table
		here + "/internal/ports",
		here + "/internal/procfs",
		here + "/internal/sock",
		here + "/internal/sockdiag",
		"golang.org/x/sys/unix", // setns, which package syscall has not
	},
}

// allowedInTests is what their tests may import besides.
var allowedInTests = map[string][]string{
	".": {
		library + "/internal/netlab",
		"github.com/rogpeppe/go-internal/testscript",
		"golang.org/x/sys/unix", // waitid, which sees a process end and leaves it to be waited for
	},
	"internal/bpf":      {library + "/internal/netlab"},
	"internal/sockdiag": {library + "/internal/netlab"},
	"internal/ports":    {"pgregory.net/rapid"},
	"internal/census":   {library + "/internal/netlab"},
}

func TestImports(t *testing.T) {
	seen := map[string]map[string]bool{}
	for _, file := range goFiles(t) {
		dir := path.Dir(filepath.ToSlash(file))
		if seen[dir] == nil {
			seen[dir] = map[string]bool{}
		}
		may, known := allowed[dir]
		if !known {
			t.Errorf("package %s is not in the table of imports", dir)
		}
		if strings.HasSuffix(file, "_test.go") {
			may = slices.Concat(may, allowedInTests[dir])
		}
		for _, imported := range imports(t, file) {
			seen[dir][imported] = true
			if !slices.Contains(may, imported) {
				t.Errorf("%s imports %s, which the table does not allow", file, imported)
			}
		}
	}
	for dir := range maps.Keys(allowed) {
		for _, imported := range slices.Concat(allowed[dir], allowedInTests[dir]) {
			if !seen[dir][imported] {
				t.Errorf("the table allows %s to import %s, which it does not", dir, imported)
			}
		}
	}
}

// goFiles are the files of this module, for every system.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if strings.HasSuffix(file, ".go") {
			files = append(files, file)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	return files
}

// imports are what a file imports beyond the standard library, whose paths have no dot in their first element.
func imports(t *testing.T, file string) (paths []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(p, "/"); strings.Contains(first, ".") {
			paths = append(paths, p)
		}
	}
	return paths
}
