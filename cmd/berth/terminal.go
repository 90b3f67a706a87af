package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// terminal returns the descriptor behind w, if it is a terminal.
func terminal(w io.Writer) (fd int, ok bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// width is how many columns w shows, or zero if it is no terminal.
func width(w io.Writer) int {
	fd, ok := terminal(w)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return columns
}

// height is how many lines w shows, or zero if it is no terminal.
func height(w io.Writer) int {
	fd, ok := terminal(w)
	if !ok {
		return 0
	}
	_, lines, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return lines
}

// color reports whether w is a terminal that shows colors to someone who wants them (no-color.org).
func color(w io.Writer) bool {
	_, ok := terminal(w)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// graphics reports whether w is a terminal, where lines and blocks can be drawn.
func graphics(w io.Writer) bool {
	_, ok := terminal(w)
	return ok && os.Getenv("TERM") != "dumb"
}

// A liveLine is a line of a terminal that is written over and over. A nil one is of no terminal.
type liveLine struct{ w io.Writer }

func newLiveLine(w io.Writer) *liveLine {
	if _, ok := terminal(w); !ok || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &liveLine{w}
}

const eraseLine = "\r\x1b[K"

func (l *liveLine) show(s string) { fmt.Fprint(l.w, eraseLine+s) }

func (l *liveLine) clear() {
	if l != nil {
		fmt.Fprint(l.w, eraseLine)
	}
}

// A liveTable is lines of a terminal that are written over and over. A nil one is of no terminal.
type liveTable struct {
	w     io.Writer
	lines int // that stand there
}

func newLiveTable(w io.Writer, not bool) *liveTable {
	if _, ok := terminal(w); !ok || not || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &liveTable{w: w}
}

// show replaces what stands there by what write writes.
func (l *liveTable) show(write func(io.Writer)) {
	if l == nil {
		return
	}
	var b bytes.Buffer
	write(&b)
	l.clear()
	l.w.Write(b.Bytes())
	l.lines = bytes.Count(b.Bytes(), []byte("\n"))
}

func (l *liveTable) clear() {
	if l != nil && l.lines > 0 {
		fmt.Fprintf(l.w, "\x1b[%dA\x1b[J", l.lines) // up, and erase what is below
		l.lines = 0
	}
}
