package report

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// The layout, in columns.
const (
	defaultWidth = 80
	proseWidth   = 120 // longer lines are hard to read, however wide the screen
	labelIndent  = 4
	textIndent   = 21 // labels are in front of it
	wideBar      = 30
	narrowBar    = 20
	wide         = 110 // from here on a bar and the states of a destination share a line
)

// A page is text in the making.
type page struct {
	Style
	strings.Builder
}

// A color is the parameter of an ANSI SGR sequence.
type color string

const (
	bold   color = "1"
	dim    color = "2"
	red    color = "31"
	green  color = "32"
	yellow color = "33"
)

func (p *page) paint(c color, text string) string {
	if !p.Color {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// A mark stands before the title of a block: in one column, or as a word where only ASCII is.
type mark struct {
	sign  string
	color color
}

var marks = map[diagnose.Level]mark{
	diagnose.OK:        {"✓", green},
	diagnose.Slow:      {"!", yellow},
	diagnose.Critical:  {"✗", red},
	diagnose.Exhausted: {"✗", red},
}

// title begins a block: what it is about, and in which way.
func (p *page) title(l diagnose.Level, subject, qualifier, text string) {
	m := marks[l]
	if !p.Graphics {
		m.sign = l.String()
	}
	p.begin(m, strings.TrimSpace(subject+" "+qualifier), text)
}

// note begins a block that is about something else than how full a destination is.
func (p *page) note(subject, text string) {
	if p.Graphics {
		p.begin(mark{"·", dim}, subject, text)
	} else {
		p.begin(mark{"note", dim}, subject, text)
	}
}

func (p *page) begin(m mark, subject, text string) {
	chunks := append([]string{m.sign + " " + Clean(subject) + " "}, words(text)...)
	lines := wrap(chunks, " ", min(p.Width, proseWidth), len("  "))
	lines[0] = strings.Replace(lines[0], m.sign, p.paint(m.color, m.sign), 1)
	for _, l := range lines {
		p.WriteString(strings.TrimRight(l, " ") + "\n")
	}
}

// words are the pieces of prose that a line may end between: a number and its percent sign are one.
func words(text string) []string {
	all := strings.Fields(Clean(text))
	for i := len(all) - 1; i > 0; i-- {
		if strings.HasPrefix(all[i], "%") {
			all[i-1] += " " + all[i]
			all = slices.Delete(all, i, i+1)
		}
	}
	return all
}

func (p *page) heading(text string) { p.WriteString(p.paint(bold, text) + "\n") }

func (p *page) next(command string) { p.WriteString("\nnext: " + command + "\n") }

// row adds a label and its prose.
func (p *page) row(label, text string) { p.chunks(label, " ", words(text)) }

// chunks adds a label and pieces that are not broken, with a separator between those of a line. A label that is
// too long has a line of its own.
func (p *page) chunks(label, separator string, chunks []string) {
	head := ""
	if label != "" {
		head = strings.Repeat(" ", labelIndent) + label
	}
	space := textIndent - utf8.RuneCountInString(head)
	if space < 2 {
		p.WriteString(p.paint(dim, head) + "\n")
		head, space = "", textIndent
	}
	for i, l := range wrap(chunks, separator, min(p.Width, proseWidth)-textIndent, 0) {
		if i > 0 || head == "" {
			p.WriteString(strings.Repeat(" ", textIndent) + l + "\n")
		} else {
			p.WriteString(p.paint(dim, head) + strings.Repeat(" ", space) + l + "\n")
		}
	}
}

// bar draws how full a destination is, where that can be drawn.
func (p *page) bar(d *ports.Destination) []string {
	if !p.Graphics {
		return nil
	}
	n := narrowBar
	if p.Width >= wide {
		n = wideBar
	}
	full := int(float64(n)*diagnose.UsedPercent(d)/100 + 0.5)
	return []string{p.paint(marks[diagnose.LevelOf(d)].color, strings.Repeat("█", full)) + strings.Repeat("░", n-full)}
}

// sparkline draws numbers in as many columns. The highest is full, and only nothing is empty.
func sparkline(values []float64) string {
	const steps = "▁▂▃▄▅▆▇█"
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	var b strings.Builder
	for _, v := range values {
		i := 0
		if most > 0 && v > 0 {
			i = max(1, int(v/most*7+0.5))
		}
		b.WriteRune([]rune(steps)[i])
	}
	return b.String()
}

// wrap puts chunks on lines of at most width columns, the later ones indented. A longer chunk stands alone.
func wrap(chunks []string, separator string, width, indent int) (lines []string) {
	line := ""
	for i, c := range chunks {
		switch {
		case i == 0:
			line = c
		case columns(line)+len(separator)+columns(c) > width:
			lines = append(lines, line)
			line = strings.Repeat(" ", indent) + c
		default:
			line += separator + c
		}
	}
	return append(lines, line)
}

// columns is how wide text is on a screen, without its colors.
func columns(s string) int {
	n, escape := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			n++
		}
	}
	return n
}

// Clean takes from text that others have written, such as the name of a process, what a terminal would obey.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
