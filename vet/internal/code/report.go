package code

import (
	"bytes"
	"go/ast"
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// A Report is what an analyzer found, where, and what to do.
type Report struct {
	Pos, End token.Pos
	What     string // one line
	Do       string // advice, one line
	Fix      []analysis.TextEdit
	FixName  string

	// ByCall is set of what is only wrong if others call a function again and again, or a
	// program is no command that is done soon.
	ByCall bool
}

// ByCall is the category of such a report, as diagnostics have it: who knows which
// programs there are may know better. Others have the analyzer's name.
const ByCall = "by call"

// Reports reports it, unless it is in a generated file, or in one where somebody
// wrote why not:
//
//	//nolint:berth // the reason
//	//lint:ignore berth the reason
//
// on the line, or on one of its own above. In place of berth, the analyzer's name
// does.
func Reports(pass *analysis.Pass, r Report) {
	file := fileOf(pass, r.Pos)
	if file == nil || ast.IsGenerated(file) || strings.Contains(pass.Fset.Position(r.Pos).Filename, "/vendor/") {
		return
	}
	quiet, bare := isQuiet(pass, file, r.Pos)
	if quiet {
		return
	}
	what := r.What
	if bare {
		what += " (what silences it needs a reason behind it)"
	}
	d := analysis.Diagnostic{
		Pos: r.Pos, End: r.End, Category: pass.Analyzer.Name, Message: what,
		Related: []analysis.RelatedInformation{{Pos: r.Pos, End: r.End, Message: r.Do}},
	}
	if r.ByCall {
		d.Category = ByCall
	}
	if len(r.Fix) > 0 {
		d.SuggestedFixes = []analysis.SuggestedFix{{Message: r.FixName, TextEdits: r.Fix}}
	}
	pass.Report(d)
}

func fileOf(pass *analysis.Pass, pos token.Pos) *ast.File {
	for _, f := range pass.Files {
		if f.FileStart <= pos && pos < f.FileEnd {
			return f
		}
	}
	return nil
}

// isQuiet reports whether a comment silences what is at pos, or would if it had a
// reason.
func isQuiet(pass *analysis.Pass, file *ast.File, pos token.Pos) (quiet, bare bool) {
	line := pass.Fset.Position(pos).Line
	for _, g := range file.Comments {
		for _, c := range g.List {
			at := pass.Fset.Position(c.Pos()).Line
			if at != line && (at != line-1 || !isAlone(pass, c)) {
				continue
			}
			silences, reason := silencer(c.Text, pass.Analyzer.Name)
			if !silences {
				continue
			}
			if reason {
				return true, false
			}
			bare = true
		}
	}
	return false, bare
}

// Comments are the texts of the comments on the line of a position, and right above it,
// but for what silences a report.
func Comments(pass *analysis.Pass, pos token.Pos) (texts []string) {
	file := fileOf(pass, pos)
	if file == nil {
		return nil
	}
	line := pass.Fset.Position(pos).Line
	for _, g := range file.Comments {
		if text := g.List[0].Text; strings.HasPrefix(text, "// want ") || strings.HasPrefix(text, "//nolint") || strings.HasPrefix(text, "//lint:") {
			continue // analysistest's, and what Reports looks at
		}
		if pass.Fset.Position(g.Pos()).Line == line || pass.Fset.Position(g.End()).Line == line-1 {
			texts = append(texts, g.Text())
		}
	}
	return texts
}

// isAlone reports whether there is nothing before a comment in its line.
func isAlone(pass *analysis.Pass, c *ast.Comment) bool {
	at := pass.Fset.Position(c.Pos())
	text, err := pass.ReadFile(at.Filename)
	if err != nil || at.Offset > len(text) {
		return false
	}
	before := text[:at.Offset]
	return len(bytes.TrimSpace(before[bytes.LastIndexByte(before, '\n')+1:])) == 0
}

// silencer reads a comment.
func silencer(text, analyzer string) (silences, reason bool) {
	if names, ok := strings.CutPrefix(text, "//nolint:"); ok {
		names, why, _ := strings.Cut(names, "//")
		return hasName(names, analyzer), strings.TrimSpace(why) != ""
	}
	if rest, ok := strings.CutPrefix(text, "//lint:ignore "); ok {
		names, why, _ := strings.Cut(strings.TrimSpace(rest), " ")
		return hasName(names, analyzer), strings.TrimSpace(why) != ""
	}
	return false, false
}

func hasName(list, analyzer string) bool {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "berth" || name == analyzer {
			return true
		}
	}
	return false
}
