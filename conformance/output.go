package main

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An output follows what a test binary prints with -test.v=test2json.
type output struct {
	test string // the one that runs

	mu       sync.Mutex // guards the fields below while read runs
	cases    map[string]*progress
	order    []*progress // in which they began
	cur      *progress   // whose lines come now, nil for nobody's
	dying    bool        // what comes now is a dump of goroutines
	dump     []string
	stdTrips int       // of the shim's audit
	last     time.Time // of a sign of progress
}

// A progress is what became of a test or subtest so far.
type progress struct {
	name   string
	state  result // running until it ended
	paused bool
	kids   int
	lines  []string
}

const running result = "run"

// A test may print for ever: more than this tells nobody anything.
const (
	maxLines = 400
	maxDump  = 5000
)

func newOutput(test string) *output {
	return &output{test: test, cases: map[string]*progress{}, last: time.Now()}
}

// read takes what is printed until nobody can print any more.
func (p *output) read(from io.Reader) {
	r := bufio.NewReaderSize(from, 64<<10)
	for {
		s, err := r.ReadString('\n')
		if s != "" {
			p.mu.Lock()
			if p.line(strings.TrimSuffix(s, "\n")) {
				p.last = time.Now()
			}
			p.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// quiet returns how long ago the last sign of progress was.
func (p *output) quiet() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.last)
}

// expectDump is called before the process is made to print its goroutines.
func (p *output) expectDump() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dying = true
}

var reportRE = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)

// line takes one line and reports whether it is a sign of progress.
func (p *output) line(s string) bool {
	// A marker may follow output that lacks a newline.
	if i := strings.IndexByte(s, 0x16); i >= 0 {
		if i > 0 {
			p.text(s[:i])
		}
		s = s[i+1:]
		if known, progress := p.marker(s); known {
			return progress
		}
	}
	if n, ok := strings.CutPrefix(s, auditMark); ok {
		p.stdTrips, _ = strconv.Atoi(n)
		return true
	}
	p.text(s)
	return false
}

func (p *output) marker(s string) (known, progress bool) {
	if m := reportRE.FindStringSubmatch(s); m != nil {
		p.cur = p.get(m[2])
		p.cur.state = result(strings.ToLower(m[1]))
		return true, true
	}
	what, name, ok := strings.Cut(strings.TrimPrefix(s, "=== "), " ")
	name = strings.TrimSpace(name)
	if !ok || !strings.HasPrefix(s, "=== ") {
		return false, false
	}
	switch what {
	case "NAME": // only says who prints next
		p.cur = p.cases[name]
		return true, false
	case "RUN", "CONT":
		p.cur = p.get(name)
		p.cur.paused = false
	case "PAUSE":
		p.get(name).paused = true
	default:
		return false, false
	}
	return true, true
}

// get returns the test or subtest, which begins if it is new.
func (p *output) get(name string) *progress {
	if c := p.cases[name]; c != nil {
		return c
	}
	c := &progress{name: name, state: running}
	p.cases[name] = c
	p.order = append(p.order, c)
	for at := range upwards(name) {
		if parent := p.cases[at]; parent != nil && parent != c {
			parent.kids++
			break
		}
	}
	return c
}

func (p *output) text(s string) {
	if strings.HasPrefix(s, "panic: ") || strings.HasPrefix(s, "fatal error: ") || strings.HasPrefix(s, "SIGQUIT: ") {
		p.dying = true
	}
	switch {
	case p.dying && len(p.dump) < maxDump:
		p.dump = append(p.dump, s)
	case !p.dying && p.cur != nil && len(p.cur.lines) < maxLines:
		p.cur.lines = append(p.cur.lines, s)
	}
}
