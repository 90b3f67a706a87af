package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/advice"
	"github.com/berth-go/berth/cmd/berth/internal/bill"
	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/verdict"
)

// A Trace is what berth trace says. Its JSON is a contract with scripts, and docs/trace.md is its text.
type Trace struct {
	Schema     int               `json:"schema"`
	Seconds    tenths            `json:"seconds"`
	Tier       string            `json:"tier"`
	Sources    map[string]string `json:"sources"` // of the fields of groups
	Groups     []TraceGroup      `json:"groups"`
	LostEvents int               `json:"lost_events"`
	Missing    []string          `json:"missing,omitempty"`

	// Next is what to type where nothing was seen, or empty.
	Next string `json:"-"`
}

// A TraceGroup is one process and one destination.
type TraceGroup struct {
	PID          int            `json:"pid"`
	Command      string         `json:"command"`
	Container    string         `json:"container"`
	Destination  string         `json:"destination"`
	Connections  int            `json:"connections"`
	Open         int            `json:"open"`
	OpenAtOnce   int            `json:"open_at_once"`
	ClosedByUs   int            `json:"closed_by_us"`
	ClosedByPeer int            `json:"closed_by_peer"`
	Reset        int            `json:"reset"`
	Failed       map[string]int `json:"failed"`
	Requests     tenths         `json:"requests_per_connection"`
	Lifetime     Quantiles      `json:"lifetime_ms"`
	PortSearch   *Quantiles     `json:"port_search_ms,omitempty"`
	Sites        []Site         `json:"sites"`
	SitesMissing string         `json:"sites_missing,omitempty"`
	CloseReasons map[string]int `json:"close_reasons"`
	Verdict      Verdict        `json:"verdict"`

	facts *bill.Group
}

// Quantiles are of durations, in milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// A Site is a call of the application.
type Site struct {
	Function    string   `json:"function"`
	File        string   `json:"file"`
	Line        int      `json:"line"`
	Connections int      `json:"connections"`
	Transports  int      `json:"transports"`
	Stack       []string `json:"stack"`
}

// A Verdict is what follows from a group.
type Verdict struct {
	Code string   `json:"code"`
	What string   `json:"what"`
	Do   []string `json:"do"`
	Docs string   `json:"docs"`

	good bool
}

// sources say how the fields of a tier are known.
var sources = map[bill.Tier]map[string]string{
	bill.EBPF: {
		"pid": "ebpf", "command": "procfs", "container": "procfs", "destination": "ebpf", "connections": "ebpf", "open": "ebpf",
		"open_at_once": "ebpf", "closed_by_us": "ebpf", "closed_by_peer": "ebpf", "reset": "ebpf", "failed": "ebpf",
		"requests_per_connection": "ebpf, estimated from segments of data", "lifetime_ms": "ebpf", "port_search_ms": "ebpf, sockops",
		"sites": "ebpf, user stacks and uprobes", "sites_missing": "procfs", "close_reasons": "uprobes",
	},
	bill.Destroy: {
		"destination": "destroy events", "connections": "destroy events", "open": "none", "open_at_once": "none",
		"closed_by_us": "sock_diag, by the TIME_WAITs", "closed_by_peer": "those without a TIME_WAIT", "reset": "none", "failed": "none",
		"requests_per_connection": "destroy events, estimated from segments of data", "lifetime_ms": "none", "sites": "none", "sites_missing": "none", "close_reasons": "none",
		"pid": "none", "command": "none", "container": "none",
	},
}

// NewTrace makes a report of a bill.
func NewTrace(b *bill.Bill) *Trace {
	t := &Trace{
		Schema: schema, Seconds: tenths(b.Time.Seconds()), Tier: string(b.Tier), Sources: sources[b.Tier],
		Groups: []TraceGroup{}, LostEvents: b.Lost, Missing: b.Missing,
	}
	for i := range b.Groups {
		t.Groups = append(t.Groups, newTraceGroup(&b.Groups[i]))
	}
	return t
}

func newTraceGroup(g *bill.Group) TraceGroup {
	v := verdict.Of(g)
	out := TraceGroup{
		PID: g.Process.PID, Command: g.Process.Command, Container: g.Process.Container, Destination: g.Destination.String(),
		Connections: g.Connections, Open: g.Open, OpenAtOnce: g.Peak,
		ClosedByUs: g.ClosedByUs, ClosedByPeer: g.ClosedByPeer, Reset: g.Reset,
		Failed: orEmpty(g.Failed), Requests: tenths(g.Requests), Lifetime: *newQuantiles(g.Life),
		Sites: []Site{}, SitesMissing: g.Hint, CloseReasons: orEmpty(g.CloseReasons),
		Verdict: Verdict{Code: v.Code, What: v.What, Do: do(v.Do, g), Docs: v.Docs(), good: v.Good()},
		facts:   g,
	}
	if g.Search != (bill.Quantiles{}) {
		out.PortSearch = newQuantiles(g.Search)
	}
	for _, s := range g.Sites {
		out.Sites = append(out.Sites, Site{s.Function, s.File, s.Line, s.Connections, s.Transports, s.Stack})
	}
	return out
}

func orEmpty(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}

// do says what to do in the words of the client, where its command line tells which it is.
func do(general []string, g *bill.Group) []string {
	p := g.Process
	all := advice.For(general, []ports.Owner{{PID: p.PID, Command: p.Command, Cmdline: p.Cmdline, Go: p.Go != ""}})
	if all == nil {
		return []string{}
	}
	return all
}

func newQuantiles(q bill.Quantiles) *Quantiles {
	return &Quantiles{millis(q.P50), millis(q.P99)}
}

// millis keeps three digits: more would be a claim.
func millis(d time.Duration) float64 {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(d.Seconds()*1000, 'g', 3, 64), 64)
	return f
}

// WriteJSON writes the report for programs.
func (t *Trace) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(t)
}

// WriteText writes the report for people, with whole stacks if they are asked for.
func (t *Trace) WriteText(w io.Writer, s Style, stacks bool) error {
	if s.Width <= 0 {
		s.Width = defaultWidth
	}
	p := &page{Style: s}
	for i := range t.Groups {
		if i > 0 {
			p.WriteString("\n")
		}
		t.Groups[i].write(p, t, stacks)
	}
	if len(t.Groups) == 0 {
		p.note("no connection", fmt.Sprintf("nothing was connected to in %s s", t.seconds()))
	}
	if t.LostEvents > 0 {
		p.note("lost", fmt.Sprintf("%s that there was no room to count", diagnose.Plural(t.LostEvents, "event")))
	}
	for _, m := range t.Missing {
		p.note("not seen", m)
	}
	if t.Tier == string(bill.Destroy) {
		p.next("sudo berth trace --all")
	} else if len(t.Groups) == 0 && t.Next != "" {
		p.row("", "what was connected before is not counted: watch while there is load")
		p.next(t.Next)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// WriteTable writes a line for each group, those with the most connections first, as many as there is room for.
func (t *Trace) WriteTable(w io.Writer, s Style, rows int) error {
	if s.Width <= 0 {
		s.Width = defaultWidth
	}
	p := &page{Style: s}
	name, destination := 20, 22
	if s.Width >= wide {
		name, destination = 36, 46
	}
	row := func(columns ...string) string {
		return fmt.Sprintf("%-*s %-*s %9s %9s  %s", name, cut(columns[0], name), destination, cut(columns[1], destination), columns[2], columns[3], columns[4])
	}
	p.heading(cut(row(t.seconds()+" s", "destination", "connect/s", "requests", "verdict"), s.Width-1))
	for i := range t.Groups[:min(len(t.Groups), rows)] {
		g := &t.Groups[i]
		perSecond := diagnose.PerSecond(float64(g.Connections) / max(float64(t.Seconds), 0.1))
		p.WriteString(cut(row(Clean(g.name()), g.Destination, perSecond, strconv.FormatFloat(float64(g.Requests), 'f', 1, 64), g.Verdict.Code), s.Width-1) + "\n")
	}
	if n := len(t.Groups) - rows; n > 0 {
		p.WriteString(fmt.Sprintf("and %s more\n", diagnose.Count(n)))
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// cut keeps a line from being broken by the screen.
func cut(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:width])
	}
	return s
}

func (t *Trace) seconds() string {
	return strconv.FormatFloat(math.Round(float64(t.Seconds)*10)/10, 'f', -1, 64)
}

func (g *TraceGroup) write(p *page, t *Trace, stacks bool) {
	arrow := "->"
	if p.Graphics {
		arrow = "→"
	}
	p.heading(Clean(g.name()) + " " + arrow + " " + g.Destination)
	for _, l := range wrap(g.counts(t, arrow), "   ", min(p.Width, proseWidth)-labelIndent, 0) {
		p.WriteString("    " + l + "\n")
	}
	for i, s := range g.facts.Sites[:min(len(g.facts.Sites), mostSites)] {
		p.chunks([]string{"opened by", ""}[min(i, 1)], "   ", g.site(&s))
		if stacks {
			for _, f := range s.Stack {
				p.row("", "<- "+f)
			}
		}
	}
	if n := len(g.facts.Sites) - mostSites; n > 0 {
		p.row("", fmt.Sprintf("and %s: --json lists all", diagnose.Plural(n, "other call")))
	}
	if g.facts.Hint != "" && 10*g.facts.Unplaced > g.Connections {
		p.row([]string{"opened by", ""}[min(len(g.facts.Sites), 1)], fmt.Sprintf("not known for %s: %s", share(g.facts.Unplaced, g.Connections), g.facts.Hint))
		if stacks {
			for _, f := range g.facts.Unknown {
				p.row("", "<- "+f)
			}
		}
	}
	for i, r := range byCount(g.CloseReasons) {
		if i < mostSites {
			p.chunks([]string{"closed as", ""}[min(i, 1)], "   ", []string{Clean(r), share(g.CloseReasons[r], sum(g.CloseReasons))})
		}
	}
	p.row("verdict", g.Verdict.Code+": "+g.Verdict.What)
	for i, do := range g.Verdict.Do {
		p.row([]string{"do", ""}[min(i, 1)], do)
	}
}

// mostSites is how many calls and reasons are told, of each group.
const mostSites = 3

func (g *TraceGroup) name() string {
	switch {
	case g.PID == 0:
		return "a process of this machine"
	case g.Container != "":
		return fmt.Sprintf("%s (%d, container %s)", g.Command, g.PID, g.Container)
	}
	return fmt.Sprintf("%s (%d)", g.Command, g.PID)
}

// counts are the facts in short.
func (g *TraceGroup) counts(t *Trace, arrow string) (all []string) {
	all = append(all, rate(g.Connections, float64(t.Seconds)))
	for _, part := range []struct {
		n    int
		text string
	}{
		{g.ClosedByUs, "closed by us " + arrow + " TIME_WAIT"},
		{g.ClosedByPeer, "closed by the other side"},
		{g.Reset, "reset"},
		{g.Open, "open"},
	} {
		if 100*part.n >= g.Connections && part.n > 0 {
			all = append(all, share(part.n, g.Connections)+" "+part.text)
		}
	}
	if g.Connections > 0 {
		all = append(all, strconv.FormatFloat(float64(g.Requests), 'f', 1, 64)+" requests each")
	}
	if g.facts.Life.P50 > 0 {
		all = append(all, "live "+diagnose.Millis(g.facts.Life.P50))
	}
	if g.facts.Search.P99 > time.Millisecond {
		all = append(all, "search a port for "+diagnose.Millis(g.facts.Search.P50))
	}
	for _, e := range byCount(g.Failed) {
		words := e
		if e == "EADDRNOTAVAIL" {
			words = "no free port"
		}
		all = append(all, diagnose.Count(g.Failed[e])+" failed: "+words)
	}
	return all
}

// rate is a number a second, or, where that is below one, a number.
func rate(n int, seconds float64) string {
	if r := float64(n) / max(seconds, 0.1); r >= 1 {
		return diagnose.PerSecond(r) + " connections/s"
	}
	return diagnose.Plural(n, "connection")
}

func share(n, of int) string { return diagnose.Percent(100 * float64(n) / float64(max(of, 1))) }

func (g *TraceGroup) site(s *bill.Site) []string {
	part := share(s.Connections, g.Connections)
	if g.Connections == 0 {
		part = share(s.Failed, g.facts.Failures())
	}
	chunks := []string{Clean(verdict.Place(*s)), part}
	if s.Through != "" {
		noun := "http.Transport"
		if s.Through == bill.Berth {
			noun = "berth.Transport"
		}
		chunks = append(chunks, diagnose.Plural(s.Transports, noun))
	}
	return chunks
}

func byCount(m map[string]int) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}
