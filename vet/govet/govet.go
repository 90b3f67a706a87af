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
	"go/version"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/berth-go/berth/vet"
	"github.com/berth-go/berth/vet/internal/code"
)

// IsTool reports whether go vet runs this program as its tool, by its arguments:
// then it is to call Tool before it does anything else.
func IsTool(args []string) bool {
	if len(args) == 0 {
		return false
	}
	last := args[len(args)-1]
	return last == "-V=full" || last == "-flags" || strings.HasSuffix(last, ".cfg")
}

// Tool is what go vet wants of its tool. It does not return.
func Tool() { unitchecker.Main(vet.Analyzers()...) }

// Options are what to look at.
type Options struct {
	Dir      string   // to be in; empty is the current one
	Packages []string // patterns; none is the package there
	Table    string   // a file for newpool, with more constructors; empty for none
	Tool     string   // a program that calls Tool; empty is this one
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
	tool := o.Tool
	if tool == "" {
		var err error
		if tool, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	args := []string{"vet", "-vettool=" + tool, "-json"}
	if o.Table != "" {
		table, err := filepath.Abs(o.Table)
		if err == nil {
			_, err = os.Stat(table)
		}
		if err != nil {
			return nil, err
		}
		args = append(args, "-newpool.table="+table)
	}
	for _, p := range o.Packages {
		if strings.HasPrefix(p, "-") {
			return nil, fmt.Errorf("%q is no package", p)
		}
	}
	cmd := exec.CommandContext(ctx, "go", append(args, o.Packages...)...)
	cmd.Dir = o.Dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("there is no go command: berth vet needs one, as go vet does")
	}
	// Go before 1.25 prints the reports to stderr.
	reports, rest, perr := read(io.MultiReader(&stdout, &stderr))
	switch {
	case perr != nil:
		return nil, perr
	case rest != "":
		err = errors.New(rest)
	case err != nil:
		err = fmt.Errorf("go vet: %w", err)
	}
	if strings.Contains(rest, ": exit status ") {
		err = cmp.Or(tooOld(ctx, o.Dir), err)
	}
	reports, cerr := leaveSeldom(ctx, o.Dir, reports)
	reports, oerr := order(reports, o.Dir)
	return reports, cmp.Or(err, cerr, oerr)
}

// tooOld is an error if the go command there is of a newer Go than this program was built
// with, which then can't read the code of its standard library: go vet says that of each
// package with an exit status only.
func tooOld(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	cmd.Dir = dir
	out, err := cmd.Output()
	theirs := strings.TrimSpace(string(out))
	ours := version.Lang(runtime.Version()) // empty, of one that is no release
	if err != nil || ours == "" || version.Compare(version.Lang(theirs), ours) <= 0 {
		return nil
	}
	return fmt.Errorf("berth was built with %s, and the go command there is %s: build it with that (GOTOOLCHAIN=%[2]s go install)", runtime.Version(), theirs)
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
		default:
			text.Write(line)
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

// position takes apart file:line:column.
func position(posn string) (file string, line, column int, err error) {
	rest, col, ok1 := cutLast(posn)
	file, lin, ok2 := cutLast(rest)
	line, err1 := strconv.Atoi(lin)
	column, err2 := strconv.Atoi(col)
	if !ok1 || !ok2 || err1 != nil || err2 != nil {
		return "", 0, 0, fmt.Errorf("%q is no position", posn)
	}
	return file, line, column, nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
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
