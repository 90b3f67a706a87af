package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Style says what the place that text goes to can show.
type Style struct {
	Width int  // in columns; 80 if zero
	Color bool // ANSI escape sequences
}

// Widths that the layout turns on.
const (
	defaultWidth = 80
	wideTable    = 116 // from here on the first error has a column of its own
	proseWidth   = 100 // longer lines are hard to read, however wide the screen
)

// WriteText writes the result for people: a table, and what it means.
func (r *Result) WriteText(w io.Writer, s Style) error {
	if s.Width <= 0 {
		s.Width = defaultWidth
	}
	var b strings.Builder
	b.WriteString(r.title() + "\n\n")
	r.writeTable(&b, s)
	b.WriteString("\n" + wrap(r.sentence(), min(s.Width, proseWidth)) + "\n")
	for _, n := range r.notes() {
		b.WriteString(wrap(n, min(s.Width, proseWidth)))
	}
	if len(r.notes()) > 0 {
		b.WriteString("\n")
	}
	b.WriteString(r.next())
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) title() string {
	return fmt.Sprintf("%s from %s, on %s",
		plural(r.Requests, "request"), plural(r.Callers, "caller"), plural(r.Ports, "local port"))
}

// The columns of the table. The first is text and the others are numbers, but for the first error, which has
// a column only where there is room, and else a line below its row.
var header = []string{"client", "ok", "failed", "connections", "in TIME_WAIT", "ok/s"}

func (p Phase) cells() []string {
	return []string{p.Name, count(p.OK), count(p.Failed), count(p.Connections), count(p.TimeWait), count(int(p.RequestsPerSecond))}
}

// The column of failed requests is the one to look at.
const failedColumn = 2

func (r *Result) writeTable(b *strings.Builder, s Style) {
	widths := r.columnWidths()
	wide := s.Width >= wideTable
	row := paint(s, bold, line(header, widths))
	if wide {
		row += paint(s, bold, "  first error")
	}
	b.WriteString(strings.TrimRight(row, " ") + "\n")
	for _, p := range r.Phases {
		b.WriteString(p.row(widths, s))
		if p.FirstError != "" && wide {
			b.WriteString("  " + paint(s, dim, p.FirstError))
		}
		b.WriteString("\n")
		if p.FirstError != "" && !wide {
			b.WriteString(paint(s, dim, indent(wrap(p.FirstError, s.Width-2))) + "\n")
		}
	}
}

func (r *Result) columnWidths() []int {
	widths := make([]int, len(header))
	for i, h := range header {
		widths[i] = len(h)
		for _, p := range r.Phases {
			widths[i] = max(widths[i], len(p.cells()[i]))
		}
	}
	return widths
}

func (p Phase) row(widths []int, s Style) string {
	color := green
	if p.Failed > 0 {
		color = red
	}
	cells := padded(p.cells(), widths)
	cells[failedColumn] = paint(s, color, cells[failedColumn])
	return strings.Join(cells, "  ")
}

func line(cells []string, widths []int) string {
	return strings.Join(padded(cells, widths), "  ")
}

// padded aligns the first cell to the left and the others to the right.
func padded(cells []string, widths []int) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		space := strings.Repeat(" ", widths[i]-len(c))
		out[i] = space + c
		if i == 0 {
			out[i] = c + space
		}
	}
	return out
}

// A color is the parameter of an ANSI SGR sequence.
type color string

const (
	bold  color = "1"
	dim   color = "2"
	red   color = "31"
	green color = "32"
)

func paint(s Style, c color, text string) string {
	if !s.Color {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// wrap breaks text between words into lines of at most width columns, each with its newline. A longer word
// stands alone.
func wrap(text string, width int) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
		case used+1+n > width:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String() + "\n"
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ")
}

// count writes a number as people read it: 28,232.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

// Progress is how far a client is.
type Progress struct {
	Name                   string
	Done, Requests, Failed int
}

// String is one line of less than 80 columns.
func (p Progress) String() string {
	s := fmt.Sprintf("%s  %s of %s", p.Name, count(p.Done), plural(p.Requests, "request"))
	if p.Failed > 0 {
		s += fmt.Sprintf(", %s failed", count(p.Failed))
	}
	return s
}
