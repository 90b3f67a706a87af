// Package explain reads logs, recognises the errors that a want of ports makes and those that look like it, and
// says what each means. It knows the words of Linux, macOS and Windows, and of Go, Java, Python, Node, nginx,
// HAProxy and Envoy.
package explain

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

// An Error is one kind of error in a log.
type Error struct {
	Name     string   // no local port
	Means    string   // what it says of the machine that wrote the log
	Findings []string // codes of findings that it may come with
	Count    int      // lines that tell of it

	// FirstLine is the number of the first such line, from 1, and Example is that line.
	FirstLine int
	Example   string

	// Destinations are where the connects went, the most frequent first. Not every line says.
	Destinations []Destination
}

// A Destination is where connects of a log went: host:port as the log writes it, or a name of the program's own.
type Destination struct {
	Name  string
	Count int
}

// What is kept of a log, which may be as long as it likes and of any bytes.
const (
	lineLen         = 4 << 10 // bytes of a line; what follows is passed over
	mostPlaces      = 1000    // different destinations of one error that are told apart
	exampleLen      = 200
	destinationLen  = 255
	mostInTheReport = 10
)

// Read reads a log to its end and returns the errors that it knows, the most frequent first. The memory that it
// takes does not depend on the log.
func Read(r io.Reader) ([]Error, error) {
	l := newLog()
	lines := bufio.NewReaderSize(r, lineLen)
	for {
		line, err := readLine(lines)
		if len(line) > 0 || err == nil {
			l.add(line)
		}
		if errors.Is(err, io.EOF) {
			return l.errors(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// readLine returns the beginning of the next line, without its end. It is good until the next call.
func readLine(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n')
	line := strings.TrimRight(string(b), "\r\n")
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	return line, err
}

// A log is what was read so far.
type log struct {
	lines int
	seen  map[*signal]*kind
}

type kind struct {
	Error
	places map[string]int
}

func newLog() *log { return &log{seen: map[*signal]*kind{}} }

func (l *log) add(line string) {
	l.lines++
	s := recognise(line)
	if s == nil {
		return
	}
	k := l.seen[s]
	if k == nil {
		k = &kind{places: map[string]int{}}
		k.Error = Error{Name: s.name, Means: s.means, Findings: s.findings, FirstLine: l.lines, Example: clip(line, exampleLen)}
		l.seen[s] = k
	}
	k.Count++
	if len(s.findings) > 0 { // else the address is not a destination: a server's own, perhaps
		k.countPlace(destination(line))
	}
}

func (k *kind) countPlace(name string) {
	_, known := k.places[name]
	if name != "" && len(name) <= destinationLen && (known || len(k.places) < mostPlaces) {
		k.places[name]++
	}
}

func recognise(line string) *signal {
	lower := strings.ToLower(line)
	for i := range signals {
		if signals[i].in(lower) {
			return &signals[i]
		}
	}
	return nil
}

// clip shortens a line for people, to whole characters, and makes it safe for a terminal.
func clip(line string, n int) string {
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(line, "?"))
	if r := []rune(line); len(r) > n {
		return string(r[:n-3]) + "..."
	}
	return line
}

func (l *log) errors() []Error {
	var all []Error
	for _, k := range l.seen {
		k.Destinations = mostFrequent(k.places)
		all = append(all, k.Error)
	}
	slices.SortFunc(all, func(a, b Error) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func mostFrequent(places map[string]int) []Destination {
	var all []Destination
	for name, n := range maps.All(places) {
		all = append(all, Destination{name, n})
	}
	slices.SortFunc(all, func(a, b Destination) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return all[:min(len(all), mostInTheReport)]
}
