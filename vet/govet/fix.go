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
	"path/filepath"
	"slices"
	"strings"
)

// Fix applies the fixes that reports have, and those of what is reported then, until there
// are none, and returns the reports: first those that it fixed, where they were, then
// what is left, where that is now. A fix with which the packages do not compile, or that
// can't be written, is left out, and the advice beside it says so. An error says why it
// could not go on: what was fixed before stays so.
func Fix(ctx context.Context, o Options, reports []Report) ([]Report, error) {
	o.Warnings = nil // they were told
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
	fn, _ := spanAt(functions(r.path), r.Line)
	key := strings.Join([]string{r.path, fn, r.Analyzer, r.Message, string(r.line())}, "\n")
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

// A change is a file's.
type change struct {
	name          string // of the reports, which may be that of a link
	before, after []byte
}

// fixThese applies fixes, marks these reports, and returns what is reported then. If it
// fails, the files are as they were, but for those that somebody else has changed, and
// nothing is marked.
func fixThese(ctx context.Context, o Options, reports []*Report) (left []Report, err error) {
	changes := map[string]change{}
	defer func() {
		if err == nil {
			return
		}
		for file, c := range changes {
			err = cmp.Or(c.undo(file), err)
		}
		for _, r := range reports {
			r.Fixed = false
		}
	}()
	for _, r := range reports {
		file, err := filepath.EvalSymlinks(r.path)
		if err != nil {
			return nil, err
		}
		if _, ok := changes[file]; ok {
			continue // by another name, it is for the next time
		}
		c := change{name: r.path}
		if c.before, err = os.ReadFile(file); err != nil {
			return nil, err
		}
		if c.after, err = apply(c.before, slices.DeleteFunc(slices.Clone(reports), func(o *Report) bool { return o.path != c.name })); err != nil {
			return nil, err
		}
		changes[file] = c
		if err := os.WriteFile(file, c.after, 0o644); err != nil { // with its own mode: it is there
			return nil, err
		}
	}
	if !slices.ContainsFunc(reports, func(r *Report) bool { return r.Fixed }) {
		return nil, fmt.Errorf("it has no place in %s", reports[0].File)
	}
	if left, err = Run(ctx, o); err != nil {
		return nil, cmp.Or(ctx.Err(), errNotCompiled)
	}
	return left, nil
}

// undo makes a file what it was.
func (c change) undo(file string) error {
	now, err := os.ReadFile(file)
	switch {
	case err == nil && bytes.Equal(now, c.before):
		return nil
	case err == nil && !bytes.HasPrefix(c.after, now): // a write that failed may have written some
		return fmt.Errorf("%s was changed by somebody else meanwhile, and is left as it is", c.name)
	}
	return os.WriteFile(file, c.before, 0o644)
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
	endings := bytes.Count(text, crlf)
	isCR := endings > 0 && endings == bytes.Count(text, lf)
	was, now := text, after
	if isCR {
		was, now = bytes.ReplaceAll(was, crlf, lf), bytes.ReplaceAll(now, crlf, lf)
	}
	if isFormatted(was) {
		var err error
		if now, err = format.Source(now); err != nil {
			return nil, err
		}
	} else if _, err := parser.ParseFile(token.NewFileSet(), "", now, parser.SkipObjectResolution); err != nil {
		return nil, err
	}
	if isCR {
		now = bytes.ReplaceAll(now, lf, crlf)
	}
	return now, nil
}

var lf, crlf = []byte("\n"), []byte("\r\n")

func isFormatted(text []byte) bool {
	formatted, err := format.Source(text)
	return err == nil && bytes.Equal(text, formatted)
}
