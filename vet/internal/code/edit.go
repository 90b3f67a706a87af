package code

import (
	"bytes"
	"go/ast"
	"go/token"

	"golang.org/x/tools/go/analysis"
)

// A source is a file as it was written, whatever its //line comments say.
type source struct {
	file *token.File
	text []byte
}

func sourceOf(pass *analysis.Pass, pos token.Pos) (s source, ok bool) {
	s.file = pass.Fset.File(pos)
	if s.file == nil {
		return s, false
	}
	text, err := pass.ReadFile(s.file.Name())
	s.text = text
	return s, err == nil && len(text) == s.file.Size()
}

// before is what is in the line of a position before it, and behind what is behind it,
// without white space around.
func (s source) before(pos token.Pos) []byte {
	at := s.file.Offset(pos)
	return bytes.TrimSpace(s.text[bytes.LastIndexByte(s.text[:at], '\n')+1 : at])
}

func (s source) behind(pos token.Pos) []byte {
	rest, _, _ := bytes.Cut(s.text[s.file.Offset(pos):], []byte("\n"))
	return bytes.TrimSpace(rest)
}

// lineStart is where the line of a position begins, and nextLine where the next one does.
func (s source) lineStart(pos token.Pos) token.Pos {
	return pos - token.Pos(s.file.Offset(pos)-bytes.LastIndexByte(s.text[:s.file.Offset(pos)], '\n')-1)
}

func (s source) nextLine(pos token.Pos) token.Pos {
	at := s.file.Offset(pos)
	if i := bytes.IndexByte(s.text[at:], '\n'); i >= 0 {
		return pos + token.Pos(i+1)
	}
	return pos + token.Pos(len(s.text)-at)
}

// DeleteLine is the edit that deletes a statement, or a field of a literal, with the
// comment behind it and the one right above it; false, if something else is in its line.
func DeleteLine(pass *analysis.Pass, n ast.Node) (e analysis.TextEdit, ok bool) {
	s, ok := sourceOf(pass, n.Pos())
	if !ok || len(s.before(n.Pos())) > 0 {
		return e, false
	}
	if rest := bytes.TrimSpace(bytes.TrimPrefix(s.behind(n.End()), []byte(","))); len(rest) > 0 && !bytes.HasPrefix(rest, []byte("//")) {
		return e, false
	}
	e = analysis.TextEdit{Pos: s.lineStart(n.Pos()), End: s.nextLine(n.End())}
	for _, g := range fileOf(pass, n.Pos()).Comments {
		if lineOf(pass, g.End()) == lineOf(pass, n.Pos())-1 && len(s.before(g.Pos())) == 0 && len(s.behind(g.End())) == 0 {
			e.Pos = s.lineStart(g.Pos())
		}
	}
	return e, true
}

// StartsLine reports whether nothing is before a position in its line.
func StartsLine(pass *analysis.Pass, pos token.Pos) bool {
	s, ok := sourceOf(pass, pos)
	return ok && len(s.before(pos)) == 0
}

// HasComment reports whether there is a comment in what an edit takes away.
func HasComment(pass *analysis.Pass, e analysis.TextEdit) bool {
	for _, g := range fileOf(pass, e.Pos).Comments {
		if g.Pos() < e.End && e.Pos < g.End() {
			return true
		}
	}
	return false
}

// Behind is where a line may be put behind the one of a position: at its end, if there is
// no more in it than a comment.
func Behind(pass *analysis.Pass, pos token.Pos) token.Pos {
	s, ok := sourceOf(pass, pos)
	if !ok || !bytes.HasPrefix(s.behind(pos), []byte("//")) {
		return pos
	}
	rest := s.behind(pos)
	return pos + token.Pos(bytes.Index(s.text[s.file.Offset(pos):], rest)+len(rest))
}
