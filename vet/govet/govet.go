// Package govet has go vet run the analyzers, and reads what it says: go vet knows
// modules and build tags, and what has not changed since it was last looked at.
package govet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/berth-go/berth/vet/internal/code"
	"github.com/berth-go/berth/vet/internal/pools"
)

// Options are what to look at.
type Options struct {
	Dir      string    // to be in; empty is the current one
	Packages []string  // patterns; none is the package there
	Table    string    // a file for newpool, with more constructors; empty for none
	Tool     string    // a program that calls Tool; empty is this one
	Warnings io.Writer // what the go command warns of, and looks all the same; nil for nobody
}

// A Report is what an analyzer found.
type Report struct {
	File     string `json:"file"` // as from Options.Dir, where it is below
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Analyzer string `json:"analyzer"`
	Message  string `json:"message"`
	Do       string `json:"do"` // advice
	Seen     *Seen  `json:"seen"`
	Fixed    bool   `json:"fixed"`

	path   string
	pkg    string // its import path
	byCall bool   // as code.Report has it
	edits  []edit
}

// HasFix reports whether Fix can do something about it.
func (r *Report) HasFix() bool { return len(r.edits) > 0 }

type edit struct {
	Filename   string `json:"filename"`
	Start, End int
	New        string `json:"new"`
}

// What go vet -json prints: by package, by analyzer.
type (
	tree       map[string]map[string]json.RawMessage
	diagnostic struct {
		Posn     string `json:"posn"`
		Category string `json:"category"`
		Message  string `json:"message"`
		Fixes    []struct {
			Edits []edit `json:"edits"`
		} `json:"suggested_fixes"`
		Related []struct {
			Message string `json:"message"`
		} `json:"related"`
	}
)

// Run returns the reports, in the order of files and lines. An error says why it
// could not look: code that does not compile, for one. The reports beside it are of
// packages that it could look at.
func Run(ctx context.Context, o Options) ([]Report, error) {
	if o.Tool == "" {
		var err error
		if o.Tool, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	args := []string{"vet", "-vettool=" + o.Tool, "-json"}
	if o.Table != "" {
		table, err := filepath.Abs(o.Table)
		if err == nil {
			err = pools.Check(table)
		}
		if err != nil {
			return nil, err
		}
		sum, err := sumOf(table)
		if err != nil {
			return nil, err
		}
		// go vet remembers flags, and not what is in files that they name.
		args = append(args, "-newpool.table="+table, "-newpool.sum="+sum)
	}
	for _, p := range o.Packages {
		if strings.HasPrefix(p, "-") {
			return nil, fmt.Errorf("%q is no package", p)
		}
	}
	reports, err := look(ctx, o, args, o.Packages)
	if err != nil && len(reports) == 0 && ctx.Err() == nil {
		if good := loadable(ctx, o); len(good) > 0 {
			var also error
			reports, also = look(ctx, o, args, good)
			err = errors.Join(err, also)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if len(reports) == 0 {
		return nil, err
	}
	mains, merr := mainModules(ctx, o.Dir)
	reports, cerr := leaveSeldom(ctx, o.Dir, mains, reports)
	reports, oerr := order(reports, o.Dir)
	leaveOthers(mains, reports)
	return reports, cmp.Or(err, merr, cerr, oerr)
}

// look runs go vet.
func look(ctx context.Context, o Options, args, packages []string) ([]Report, error) {
	cmd := exec.CommandContext(ctx, "go", slices.Concat(args, packages)...)
	cmd.Dir = o.Dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("there is no go command: berth vet needs one, as go vet does")
	}
	// Go before 1.25 prints the reports to stderr.
	reports, rest, perr := read(io.MultiReader(&stdout, &stderr))
	switch {
	case perr != nil:
		return reports, perr
	case err == nil: // a warning, of cgo for one
		if o.Warnings != nil && rest != "" {
			fmt.Fprintln(o.Warnings, rest)
		}
		return reports, nil
	case rest == "":
		return reports, fmt.Errorf("go vet: %w", err)
	}
	err = errors.New(rest)
	if strings.Contains(rest, ": exit status ") {
		err = cmp.Or(tooOld(ctx, o.Dir), err)
	}
	return reports, err
}

// loadable are the packages that can be loaded, where go vet looks at none since others
// can't, or what they import: none, if all can.
func loadable(ctx context.Context, o Options) (good []string) {
	type loaded struct {
		ImportPath, ForTest string
		Incomplete          bool
	}
	all, err := list[loaded](ctx, o.Dir, slices.Concat([]string{"-e", "-test", "-json=ImportPath,ForTest,Incomplete"}, o.Packages)...)
	bad := map[string]bool{}
	for _, p := range all {
		if p.Incomplete {
			bad[cmp.Or(p.ForTest, p.ImportPath)] = true
		}
	}
	if err != nil || len(bad) == 0 {
		return nil
	}
	isThere := func(path string) bool {
		return slices.ContainsFunc(all, func(p loaded) bool { return p.ImportPath == path })
	}
	for _, p := range all {
		tested, isTest := strings.CutSuffix(p.ImportPath, ".test")
		if p.ForTest == "" && !bad[p.ImportPath] && !bad[p.ImportPath+".test"] && !(isTest && isThere(tested)) {
			good = append(good, p.ImportPath)
		}
	}
	return good
}

// leaveOthers takes the fixes from files that are not the user's to change, which are
// those outside of the main modules. Where there is none, go vet was given files.
func leaveOthers(mains []mainModule, reports []Report) {
	for i := range reports {
		isOwn := len(mains) == 0 || slices.ContainsFunc(mains, func(m mainModule) bool {
			rel, err := filepath.Rel(m.Dir, reports[i].path)
			return m.Dir == "" || err == nil && filepath.IsLocal(rel)
		})
		if !isOwn {
			reports[i].edits = nil
		}
	}
}

// read takes apart what go vet prints: JSON, comments with a package's name, and
// else what went wrong.
func read(r io.Reader) (reports []Report, rest string, err error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, "", err
	}
	var text, trees bytes.Buffer
	inTree := false
	for line := range bytes.Lines(all) {
		switch {
		case inTree || bytes.HasPrefix(line, []byte("{")):
			inTree = !bytes.HasPrefix(line, []byte("}")) && !bytes.Equal(bytes.TrimSpace(line), []byte("{}"))
			trees.Write(line)
		case bytes.HasPrefix(line, []byte("#")), bytes.HasPrefix(line, []byte("go: downloading ")), bytes.HasPrefix(line, []byte("go: found ")):
		case len(bytes.TrimSpace(line)) == 0:
		case line[0] == '\t' || bytes.HasSuffix(text.Bytes(), []byte(":")): // the sentence goes on
			fmt.Fprintf(&text, " %s", bytes.TrimSpace(line))
		default:
			fmt.Fprintf(&text, "\n%s", bytes.TrimSpace(line))
		}
	}
	for dec := json.NewDecoder(&trees); ; {
		var t tree
		if err := dec.Decode(&t); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, "", fmt.Errorf("go vet -json: %w", err)
		}
		for pkg, found := range t {
			for analyzer, raw := range found {
				more, err := decode(analyzer, raw)
				if err != nil {
					return nil, "", fmt.Errorf("%s: %s: %w", pkg, analyzer, err)
				}
				for _, r := range more {
					r.pkg, _, _ = strings.Cut(pkg, " ") // of a test: a [a.test]
					reports = append(reports, r)
				}
			}
		}
	}
	return reports, strings.TrimSpace(text.String()), nil
}

func decode(analyzer string, raw json.RawMessage) (reports []Report, err error) {
	var failed struct {
		Err string `json:"error"`
	}
	if json.Unmarshal(raw, &failed) == nil && failed.Err != "" {
		return nil, errors.New(failed.Err)
	}
	var found []diagnostic
	if err := json.Unmarshal(raw, &found); err != nil {
		return nil, err
	}
	for _, d := range found {
		r := Report{Analyzer: analyzer, Message: d.Message, byCall: d.Category == code.ByCall}
		if r.path, r.Line, r.Column, err = position(d.Posn); err != nil {
			return nil, err
		}
		if len(d.Related) > 0 {
			r.Do = d.Related[0].Message
		}
		if len(d.Fixes) > 0 {
			r.edits = d.Fixes[0].Edits
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// position takes apart file:line:column. A //line comment may name no column.
func position(posn string) (file string, line, column int, err error) {
	rest, last, ok := cutLast(posn)
	if !ok {
		return "", 0, 0, fmt.Errorf("%q is no position", posn)
	}
	if file, line, ok := cutLast(rest); ok {
		return file, line, last, nil
	}
	return rest, last, 1, nil
}

// cutLast takes the number from behind the last colon.
func cutLast(s string) (before string, n int, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(s[i+1:])
	return s[:i], n, err == nil
}

// order sorts reports, shortens their files' names, and drops those that are told
// twice: a package is looked at with and without its tests.
func order(reports []Report, dir string) ([]Report, error) {
	abs, err := filepath.Abs(cmp.Or(dir, "."))
	if err != nil {
		return nil, err
	}
	for i := range reports {
		r := &reports[i]
		if !filepath.IsAbs(r.path) {
			r.path = filepath.Join(abs, r.path)
		}
		r.File = r.path
		if rel, err := filepath.Rel(abs, r.path); err == nil && filepath.IsLocal(rel) {
			r.File = rel
		}
		r.File = filepath.ToSlash(r.File)
	}
	slices.SortFunc(reports, func(a, b Report) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Analyzer, b.Analyzer), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(reports, func(a, b Report) bool {
		return a.File == b.File && a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	}), nil
}
