package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"sort"
)

// An edit replaces text[start:end] of a file.
type edit struct {
	start, end int
	text       string
	patch      bool // wins over edits that it overlaps
}

// within reports whether an edit of something else would touch what patch p
// replaces. An insertion at p's start would, one at its end would not.
func (e edit) within(p edit) bool {
	return e.start < p.end && p.start < max(e.end, e.start+1)
}

// apply makes the edits. Of two at one place, the one that was added first comes first.
func apply(text []byte, edits []edit) ([]byte, error) {
	var kept []edit
	for _, e := range edits {
		if e.patch || !patched(edits, e) {
			kept = append(kept, e)
		}
	}
	sort.SliceStable(kept, func(i, j int) bool { return kept[i].start < kept[j].start })
	var out bytes.Buffer
	at := 0
	for _, e := range kept {
		if e.start < at {
			return nil, fmt.Errorf("overlapping edits at offset %d (%q)", e.start, e.text)
		}
		out.Write(text[at:e.start])
		out.WriteString(e.text)
		at = e.end
	}
	out.Write(text[at:])
	return out.Bytes(), nil
}

func patched(edits []edit, e edit) bool {
	for _, p := range edits {
		if p.patch && e.within(p) {
			return true
		}
	}
	return false
}

// An editor collects the edits of files that share a file set.
type editor struct {
	fset   *token.FileSet
	byFile map[string][]edit // by full path
}

func newEditor(fset *token.FileSet) *editor { return &editor{fset, map[string][]edit{}} }

// replace puts text in the place of what stands between two positions.
func (e *editor) replace(from, to token.Pos, text string) {
	start, end := e.fset.Position(from), e.fset.Position(to)
	e.byFile[start.Filename] = append(e.byFile[start.Filename], edit{start: start.Offset, end: end.Offset, text: text})
}

func (e *editor) replaceNode(n ast.Node, text string)  { e.replace(n.Pos(), n.End(), text) }
func (e *editor) insert(before token.Pos, text string) { e.replace(before, before, text) }

// patchedAt reports whether a patch replaces what is at p.
func (e *editor) patchedAt(p token.Pos) bool {
	at := e.fset.Position(p)
	return patched(e.byFile[at.Filename], edit{start: at.Offset, end: at.Offset})
}
