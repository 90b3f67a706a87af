package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
)

// A Style says what the place that text goes to can show. The zero Style is a file or a pipe: plain ASCII.
type Style struct {
	Width    int  // in columns; 80 if zero
	Color    bool // ANSI escape sequences
	Graphics bool // bars, sparklines and marks beyond ASCII
}

// WriteText writes the report for people: what is worst comes first.
func (r *Report) WriteText(w io.Writer, s Style) error {
	if s.Width <= 0 {
		s.Width = defaultWidth
	}
	p := &page{Style: s}
	for i := range r.Namespaces {
		r.writeNamespace(p, r.Namespaces[i].Name)
	}
	r.writeRest(p)
	r.writeErrors(p)
	for _, m := range r.Missing {
		p.note("not seen", m)
	}
	r.writeNext(p)
	_, err := io.WriteString(w, p.String())
	return err
}

func (r *Report) writeNamespace(p *page, name string) {
	blocks := r.blocks(name)
	if len(blocks) > 0 && name != "" {
		p.heading("namespace " + Clean(name))
	}
	for _, b := range blocks {
		b.write(p)
	}
}

// A block is what belongs together on the page: a destination, or what is wrong with a whole namespace.
type block struct {
	level       diagnose.Level
	destination *Destination // nil for a namespace
	findings    []*Finding
}

// blocks are those of a namespace, the worst first.
func (r *Report) blocks(namespace string) (all []block) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Namespace == namespace && f.Destination == "" {
			all = append(all, block{f.level, nil, []*Finding{f}})
		}
	}
	for i := range r.Destinations {
		if d := &r.Destinations[i]; d.Namespace == namespace {
			all = append(all, r.blockOf(d))
		}
	}
	slices.SortStableFunc(all, func(a, b block) int { return int(b.level - a.level) })
	return all
}

func (r *Report) blockOf(d *Destination) block {
	b := block{level: d.level, destination: d}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Namespace == d.Namespace && f.Source == d.Source && f.Destination == d.Destination {
			b.findings = append(b.findings, f)
			b.level = max(b.level, f.level)
		}
	}
	return b
}

func (b block) write(p *page) {
	if b.destination == nil {
		p.title(b.level, b.findings[0].Code, "", b.findings[0].What)
		b.findings[0].write(p, false)
		return
	}
	if b.level == diagnose.OK && len(b.findings) == 0 {
		p.title(b.level, b.destination.Destination, "from "+b.destination.Source, b.destination.quiet())
		return
	}
	p.title(b.level, b.destination.Destination, "", diagnose.Fullness(b.destination.facts))
	b.destination.write(p)
	for _, f := range b.findings {
		f.write(p, true)
	}
}

// write adds what a finding says, and what it finds unless the title of the block says so.
func (f *Finding) write(p *page, what bool) {
	if what {
		p.row("finding", f.Code+": "+f.What)
	}
	p.row("mode", string(f.mode)+": "+f.mode.Reach())
	p.row("because", f.Because)
	for i, do := range f.Do {
		p.row([]string{"do", ""}[min(i, 1)], do)
	}
	p.row("", "see "+f.Docs)
}

// writeRest says what the report leaves out, and that all is well if it is.
func (r *Report) writeRest(p *page) {
	switch {
	case r.asked != "" && len(r.Destinations) == 0:
		p.title(diagnose.OK, r.asked, "", "no connection from here to it was seen")
	case r.leftOut > 0:
		p.title(diagnose.OK, fmt.Sprintf("%s with less than %d %% of their ports held", diagnose.Plural(r.leftOut, "destination"), worthSaying), "",
			fmt.Sprintf("the fullest is %s: %s of %s", r.fullest.Destination, diagnose.Count(r.fullest.Held), diagnose.Count(r.fullest.Budget)))
	case r.lookedAt == 0 && len(r.Findings) == 0:
		p.title(diagnose.OK, "no destination", "", "no connection from here was seen")
	}
}

func (r *Report) writeErrors(p *page) {
	if r.log != "" && len(r.Errors) == 0 {
		p.note(r.log, "no error in it that berth knows")
	}
	for i := range r.Errors {
		e := &r.Errors[i]
		p.note(fmt.Sprintf("%s in the log", diagnose.Plural(e.Count, "line")), e.Name)
		p.row("means", e.Means)
		if places := e.places(); places != "" {
			p.row("where", places)
		}
		p.row(fmt.Sprintf("line %s", diagnose.Count(e.FirstLine)), Clean(e.Example))
		if e.Now != "" {
			p.row("now", e.Now)
		}
	}
}

func (e *Error) places() string {
	var all []string
	for _, d := range e.Destinations {
		all = append(all, fmt.Sprintf("%s (%s)", Clean(d.Destination), diagnose.Count(d.Count)))
	}
	return strings.Join(all, ", ")
}

// writeNext ends with the next thing to type.
func (r *Report) writeNext(p *page) {
	switch worst := r.worstDestination(); {
	case worst != nil && worst.level > diagnose.OK && !worst.ConnectCostMeasured:
		p.next("berth check --calibrate " + worst.Destination + Clean(diagnose.NamespaceFlag(worst.Namespace)))
	case r.leftOut > 0:
		p.next("berth check --all" + Clean(diagnose.NamespaceFlag(r.where)))
	}
}

func (r *Report) worstDestination() (worst *Destination) {
	for i := range r.Destinations {
		if d := &r.Destinations[i]; worst == nil || d.level > worst.level {
			worst = d
		}
	}
	return worst
}
