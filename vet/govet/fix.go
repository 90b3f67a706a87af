package govet

import (
	"cmp"
	"context"
	"fmt"
	"go/format"
	"os"
	"slices"
)

// Fix applies the fixes that reports have, and marks these reports. Where files do
// not compile with them, they are left as they were, and the error says so.
func Fix(ctx context.Context, o Options, reports []Report) error {
	byFile := map[string][]*Report{}
	for i := range reports {
		if r := &reports[i]; r.HasFix() {
			byFile[r.path] = append(byFile[r.path], r)
		}
	}
	before := map[string][]byte{}
	restore := func() {
		for file, text := range before {
			os.WriteFile(file, text, 0o644) // with its own mode: it is there
		}
		for i := range reports {
			reports[i].Fixed = false
		}
	}
	for file, fixes := range byFile {
		text, err := os.ReadFile(file)
		if err != nil {
			restore()
			return err
		}
		after, err := apply(text, fixes)
		if err == nil {
			before[file] = text
			err = os.WriteFile(file, after, 0o644)
		}
		if err != nil {
			restore()
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if len(before) == 0 {
		return nil
	}
	if _, err := Run(ctx, o); err != nil {
		restore()
		return fmt.Errorf("with the fixes it does not compile, so nothing was changed: %w", err)
	}
	return nil
}

// apply makes the edits of all fixes that do not get into each other's way.
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
	for _, e := range edits {
		text = slices.Concat(text[:e.Start], []byte(e.New), text[e.End:])
	}
	return format.Source(text)
}
