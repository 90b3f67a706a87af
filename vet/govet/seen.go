package govet

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
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

// trace is what is read of berth trace --json, schema 1.
type trace struct {
	Schema int `json:"schema"`
	Groups []struct {
		PID         int    `json:"pid"`
		Command     string `json:"command"`
		Destination string `json:"destination"`
		Sites       []struct {
			File        string `json:"file"`
			Line        int    `json:"line"`
			Connections int    `json:"connections"`
		} `json:"sites"`
	} `json:"groups"`
}

// Join notes in reports what berth trace --json saw of their functions, and puts
// these first, those with the most connections before others.
func Join(reports []Report, r io.Reader) error {
	var t trace
	if err := json.NewDecoder(r).Decode(&t); err != nil {
		return fmt.Errorf("it is not the JSON of berth trace: %w", err)
	}
	if t.Schema != 1 {
		return fmt.Errorf("it is not the JSON of berth trace: its schema is %d, not 1", t.Schema)
	}
	spans := spanner{}
	for i := range reports {
		r := &reports[i]
		first, last := spans.around(r.path, r.Line)
		for _, g := range t.Groups {
			for _, s := range g.Sites {
				if s.Line < first || s.Line > last || !sameFile(r.path, s.File) {
					continue
				}
				if r.Seen == nil || s.Connections > r.Seen.Connections {
					r.Seen = &Seen{Command: g.Command, PID: g.PID, Destination: g.Destination, Line: s.Line, Connections: s.Connections}
				}
			}
		}
	}
	slices.SortStableFunc(reports, func(a, b Report) int { return cmp.Compare(b.connections(), a.connections()) })
	return nil
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

// spanner knows where functions begin and end, by file.
type spanner map[string][][2]int

// around returns the lines of the function that a line is in, or the line.
func (s spanner) around(file string, line int) (first, last int) {
	spans, ok := s[file]
	if !ok {
		fset := token.NewFileSet()
		if f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution); err == nil {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					spans = append(spans, [2]int{fset.Position(fn.Pos()).Line, fset.Position(fn.End()).Line})
				}
			}
		}
		s[file] = spans
	}
	for _, span := range spans {
		if span[0] <= line && line <= span[1] {
			return span[0], span[1]
		}
	}
	return line, line
}
