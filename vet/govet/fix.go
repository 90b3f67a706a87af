package govet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"slices"
)

// Fix applies the fixes that reports have, and those of what is reported then, until there
// are none, and returns the reports: first those that it fixed, where they were, then
// what is left, where that is now. A fix with which the packages do not compile, or that
// can't be written, is left out, and the advice beside it says so. An error says why it
// could not go on: what was fixed before stays so.
func Fix(ctx context.Context, o Options, reports []Report) ([]Report, error) {
	var fixed []Report
	failed := map[string]error{} // fixes, by their keys
	together := true
	for {
		var next []*Report
		for i := range reports {
			if r := &reports[i]; r.HasFix() && failed[r.key()] == nil {
				next = append(next, r)
			}
		}
		if len(next) == 0 {
			break
		}
		if !together {
			next = next[:1]
		}
		left, err := fixThese(ctx, o, next)
		switch {
		case ctx.Err() != nil:
			return append(fixed, reports...), ctx.Err()
		case err == nil:
			for _, r := range next {
				if r.Fixed {
					r.edits = nil
					fixed = append(fixed, *r)
				}
			}
			reports = left
		case together:
			together = false // it is one of them
		default:
			failed[next[0].key()] = err
		}
	}
	for i := range reports {
		if r := &reports[i]; r.HasFix() {
			r.Do += fmt.Sprintf(" (--fix does not: %v)", failed[r.key()])
			r.edits = nil
		}
	}
	return append(fixed, reports...), nil
}

// key is what is the same of a report when lines before it have come or gone.
func (r *Report) key() string {
	key := r.path + "\n" + r.Analyzer + "\n" + r.Message + "\n" + string(r.line())
	for _, e := range r.edits {
		key += "\n" + e.New
	}
	return key
}

// line is the text of a report's line.
func (r *Report) line() []byte {
	text, _ := os.ReadFile(r.path)
	n := 0
	for line := range bytes.Lines(text) {
		if n++; n == r.Line {
			return line
		}
	}
	return nil
}

// fixThese applies fixes, marks these reports, and returns what is reported then. If it
// fails, the files are as they were, and nothing is marked.
func fixThese(ctx context.Context, o Options, reports []*Report) (left []Report, err error) {
	before := map[string][]byte{}
	defer func() {
		if err == nil {
			return
		}
		for file, text := range before {
			os.WriteFile(file, text, 0o644) // with its own mode: it is there
		}
		for _, r := range reports {
			r.Fixed = false
		}
	}()
	for _, r := range reports {
		if before[r.path] != nil {
			continue
		}
		text, err := os.ReadFile(r.path)
		if err != nil {
			return nil, err
		}
		after, err := apply(text, slices.DeleteFunc(slices.Clone(reports), func(o *Report) bool { return o.path != r.path }))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(r.path, after, 0o644); err != nil {
			return nil, err
		}
		before[r.path] = text
	}
	if !slices.ContainsFunc(reports, func(r *Report) bool { return r.Fixed }) {
		return nil, fmt.Errorf("it has no place in %s", reports[0].File)
	}
	if left, err = Run(ctx, o); err != nil {
		return nil, cmp.Or(ctx.Err(), errNotCompiled)
	}
	return left, nil
}

var errNotCompiled = errors.New("it would not compile")

// apply makes the edits of all fixes that do not get into each other's way. A file that
// was formatted is so after them, and one whose lines end in CR LF has those.
func apply(text []byte, fixes []*Report) ([]byte, error) {
	var edits []edit
	for _, r := range fixes {
		if slices.ContainsFunc(r.edits, func(e edit) bool { return e.Start < 0 || e.End < e.Start || e.End > len(text) || e.Filename != r.path }) {
			continue
		}
		if slices.ContainsFunc(r.edits, func(e edit) bool {
			return slices.ContainsFunc(edits, func(o edit) bool { return e.Start < o.End && o.Start < e.End || e == o })
		}) {
			continue
		}
		edits = append(edits, r.edits...)
		r.Fixed = true
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(b.Start, a.Start) }) // the last first
	after := text
	for _, e := range edits {
		after = slices.Concat(after[:e.Start], []byte(e.New), after[e.End:])
	}
	hasCR := bytes.Contains(text, crlf)
	after = bytes.ReplaceAll(after, crlf, lf)
	if was := bytes.ReplaceAll(text, crlf, lf); isFormatted(was) {
		var err error
		if after, err = format.Source(after); err != nil {
			return nil, err
		}
	} else if _, err := parser.ParseFile(token.NewFileSet(), "", after, parser.SkipObjectResolution); err != nil {
		return nil, err
	}
	if hasCR {
		after = bytes.ReplaceAll(after, lf, crlf)
	}
	return after, nil
}

var lf, crlf = []byte("\n"), []byte("\r\n")

func isFormatted(text []byte) bool {
	formatted, err := format.Source(text)
	return err == nil && bytes.Equal(text, formatted)
}
