package govet

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Seen is what a running process was caught at, in the function of a report.
type Seen struct {
	Command     string `json:"command"`
	PID         int    `json:"pid"`
	Destination string `json:"destination"`
	Line        int    `json:"line"`
	Connections int    `json:"connections"`
}

// A Trace is what is read of berth trace --json, schema 1.
type Trace struct {
	Schema int     `json:"schema"`
	Groups []group `json:"groups"`

	spans map[string]map[string]span // of files, as they were first: lines are those of the program
}

type group struct {
	PID         int    `json:"pid"`
	Command     string `json:"command"`
	Destination string `json:"destination"`
	Sites       []site `json:"sites"`
}

type site struct {
	Function    string `json:"function"`
	File        string `json:"file"`
	Line        int    `json:"line"`
	Connections int    `json:"connections"`
}

// ReadTrace reads what berth trace --json has printed.
func ReadTrace(r io.Reader) (*Trace, error) {
	t := &Trace{spans: map[string]map[string]span{}}
	dec := json.NewDecoder(r)
	switch err := dec.Decode(t); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty, and not the JSON of berth trace")
	case err != nil:
		return nil, errors.New("it is not the JSON of berth trace")
	case t.Schema != 1:
		return nil, fmt.Errorf("it is not the JSON of berth trace: its schema is %d, not 1", t.Schema)
	case t.Groups == nil || dec.More():
		return nil, errors.New("it is not the JSON of berth trace")
	}
	return t, nil
}

// Join notes in reports what was seen of their functions, and puts these first, those
// with the most connections before others. What is fixed keeps what it has.
func (t *Trace) Join(reports []Report) {
	for i := range reports {
		r := &reports[i]
		if r.Fixed {
			continue
		}
		fn, at := t.around(r.path, r.Line)
		for _, g := range t.Groups {
			for _, s := range g.Sites {
				if s.isIn(r, fn, at) && (r.Seen == nil || s.Connections > r.Seen.Connections) {
					r.Seen = &Seen{Command: g.Command, PID: g.PID, Destination: g.Destination, Line: s.Line, Connections: s.Connections}
				}
			}
		}
	}
	slices.SortStableFunc(reports, func(a, b Report) int { return cmp.Compare(b.connections(), a.connections()) })
}

// isIn reports whether a site is in the function of a report: by its name, which is the
// same wherever the program was built, or where there is none by its file and line.
func (s site) isIn(r *Report, fn string, at span) bool {
	pkg, name := cutFunction(s.Function)
	switch {
	case fn == "" || name == "":
		return at.first <= s.Line && s.Line <= at.last && sameFile(r.path, s.File)
	case name != fn && !strings.HasPrefix(name, fn+"."): // a literal's is F.func1
		return false
	case strings.Contains(pkg, "/") && !strings.HasPrefix(r.pkg, "command-line-"):
		return pkg == r.pkg
	}
	return sameFile(r.path, s.File) || baseOf(r.path) == baseOf(s.File) && isRoot(filepath.Dir(r.path))
}

func baseOf(file string) string { return path.Base(filepath.ToSlash(file)) }

// isRoot reports whether a folder is a module's, which may be called anything.
func isRoot(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// cutFunction takes apart what Go's runtime calls a function: example.com/a.(*T[...]).F.
func cutFunction(name string) (pkg, fn string) {
	slash := strings.LastIndexByte(name, '/') + 1
	pkg, fn, ok := strings.Cut(name[slash:], ".")
	if !ok || strings.Contains(name, " ") {
		return "", ""
	}
	return name[:slash] + strings.ReplaceAll(pkg, "%2e", "."), strings.ReplaceAll(fn, "[...]", "")
}

func (r *Report) connections() int {
	if r.Seen == nil {
		return -1
	}
	return r.Seen.Connections
}

// sameFile reports whether a file of a stack, which may be shortened, or be from
// where it was built, is this one.
func sameFile(file, seen string) bool {
	file, seen = filepath.ToSlash(file), filepath.ToSlash(seen)
	if path.Base(file) != path.Base(seen) {
		return false
	}
	if !strings.Contains(seen, "/") {
		return true
	}
	a, b := strings.Split(path.Dir(file), "/"), strings.Split(path.Dir(seen), "/")
	return a[len(a)-1] == b[len(b)-1]
}

// A span is of lines.
type span struct{ first, last int }

// around returns the function that a line is in, and its lines as the file was at first;
// or the line.
func (t *Trace) around(file string, line int) (fn string, at span) {
	now := functions(file)
	if t.spans[file] == nil {
		t.spans[file] = now
	}
	if fn, _ := spanAt(now, line); fn != "" {
		if was, ok := t.spans[file][fn]; ok {
			return fn, was
		}
	}
	return "", span{line, line}
}

// spanAt is the function that has a line.
func spanAt(all map[string]span, line int) (fn string, at span) {
	for fn, at := range all {
		if at.first <= line && line <= at.last {
			return fn, at
		}
	}
	return "", span{}
}

// functions are those of a file, by what the runtime calls them in their package.
func functions(file string) map[string]span {
	all := map[string]span{}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return all
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			all[runtimeName(fn)] = span{fset.PositionFor(fn.Pos(), false).Line, fset.PositionFor(fn.End(), false).Line}
		}
	}
	return all
}

// runtimeName is F, T.F, or (*T).F.
func runtimeName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	typ, format := fn.Recv.List[0].Type, "%s.%s"
	if star, ok := ast.Unparen(typ).(*ast.StarExpr); ok {
		typ, format = star.X, "(*%s).%s"
	}
	name, _, _ := strings.Cut(types.ExprString(ast.Unparen(typ)), "[")
	return fmt.Sprintf(format, name, fn.Name.Name)
}
