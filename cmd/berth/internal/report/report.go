// Package report is what berth check says: one Report, written as JSON for programs or as text for people. It
// reads nothing but the facts and findings that it is made of.
package report

import (
	"encoding/json"
	"io"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/advice"
	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/explain"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// schema is the version of the JSON. Fields may be added to it; none changes its name, type or meaning.
const schema = 1

// A Report is one look at a machine. Its JSON is a contract with scripts, and docs/check.md is its text.
type Report struct {
	Schema       int           `json:"schema"`
	Time         string        `json:"time"`
	Host         string        `json:"host"`
	Kernel       string        `json:"kernel"`
	Namespaces   []Namespace   `json:"namespaces"`
	Destinations []Destination `json:"destinations"`
	Findings     []Finding     `json:"findings"`

	Errors  []Error  `json:"errors,omitempty"`  // of the log, with --explain
	Missing []string `json:"missing,omitempty"` // what could not be seen

	asked    string // HOST:PORT, where only that was asked for
	where    string // the namespaces that were asked for
	log      string // name of the log whose errors were asked for
	leftOut  int    // destinations that are not in the report, since nothing is to say of them
	fullest  *ports.Destination
	lookedAt int // destinations in all
}

// A Namespace is a network namespace and its settings.
type Namespace struct {
	Name            string `json:"name"`
	Range           Range  `json:"range"`
	TimeWaitSeconds int    `json:"time_wait_seconds"`
	TWReuse         int    `json:"tw_reuse"`
}

// A Range is what connect picks local ports from.
type Range struct {
	First    int `json:"first"`
	Last     int `json:"last"`
	Reserved int `json:"reserved"`
	Size     int `json:"size"`
}

// A Destination is a pair of a source address and a destination, with what is held of its ports.
type Destination struct {
	Namespace           string               `json:"namespace"`
	Source              string               `json:"source"`
	Destination         string               `json:"destination"`
	Budget              int                  `json:"budget"`
	Held                int                  `json:"held"`
	Reusable            int                  `json:"reusable"`
	Free                int                  `json:"free"`
	States              map[string]int       `json:"states"`
	ClosedPerSecond     [ports.Steps]rounded `json:"closed_per_second"`
	Rate                tenths               `json:"rate"`
	WallRate            tenths               `json:"wall_rate"`
	CliffRate           tenths               `json:"cliff_rate"`
	ConnectCostUS       int64                `json:"connect_cost_us"`
	ConnectCostMeasured bool                 `json:"connect_cost_measured"`
	ExhaustedInSeconds  *int                 `json:"exhausted_in_seconds"`
	Level               string               `json:"level"`
	Owners              []Owner              `json:"owners"`

	facts *ports.Destination
	level diagnose.Level
}

// An Owner is a process that has sockets to a destination.
type Owner struct {
	PID      int    `json:"pid"`
	Command  string `json:"command"`
	Sockets  int    `json:"sockets"`
	Inferred bool   `json:"inferred"`
}

// A Finding is a conclusion. Source and Destination are empty where it is about the whole namespace.
type Finding struct {
	Code        string   `json:"code"`
	Level       string   `json:"level"`
	Namespace   string   `json:"namespace"`
	Destination string   `json:"destination"`
	Source      string   `json:"source"`
	What        string   `json:"what"`
	Because     string   `json:"because"`
	Do          []string `json:"do"`
	Docs        string   `json:"docs"`

	mode  diagnose.Mode
	level diagnose.Level
}

// An Error is one kind of error that a log tells of.
type Error struct {
	Name         string       `json:"name"`
	Count        int          `json:"count"`
	FirstLine    int          `json:"first_line"`
	Example      string       `json:"example"`
	Destinations []ErrorPlace `json:"destinations"`
	Means        string       `json:"means"`
	Now          string       `json:"now"`
	Findings     []string     `json:"findings"`
}

// An ErrorPlace is where connects went that failed.
type ErrorPlace struct {
	Destination string `json:"destination"`
	Count       int    `json:"count"`
}

// Numbers in JSON with the precision that they have: a rate always with its tenth, so that it is a float to
// whoever guesses the type from one report; a step of the history with one where it needs it.
type (
	tenths  float64
	rounded float64
)

// MarshalJSON writes 600.0.
func (f tenths) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, finite(float64(f)), 'f', 1, 64), nil
}

// MarshalJSON writes 600, or 4.2.
func (f rounded) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, math.Round(finite(float64(f))*10)/10, 'f', -1, 64), nil
}

// finite keeps out of JSON what it has no word for: the wall of a budget that comes back at once, for one.
func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// WriteJSON writes the report as one line.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// Options say what of a table is reported.
type Options struct {
	// All reports destinations that nothing is to say of too. Those are otherwise left out.
	All bool

	// Only, unless nil, says which destinations are reported, and Asked is what it stands for. Of what is found
	// of a whole namespace, that stays which they suffer from too.
	Only  func(*ports.Destination) bool
	Asked string

	// Namespace is which namespaces were asked for, as berth check takes it: for the next thing to type.
	Namespace string

	// Log is the name of a log, if one was read, and Errors are what it tells.
	Log    string
	Errors []explain.Error
}

// worthSaying is how much of its ports a destination holds, in percent, to be in the report.
const worthSaying = 5

// New makes the report of a table and what was found in it.
func New(t *ports.Table, findings []diagnose.Finding, o Options) *Report {
	r := &Report{
		Schema: schema, Time: t.Time.Format(time.RFC3339), Host: t.Host, Kernel: t.Kernel,
		Namespaces: []Namespace{}, Destinations: []Destination{}, Findings: []Finding{},
		Missing: t.Missing, asked: o.Asked, log: o.Log, where: o.Namespace,
	}
	for i := range t.Namespaces {
		r.Namespaces = append(r.Namespaces, newNamespace(&t.Namespaces[i]))
	}
	for i := range t.Destinations {
		if d := &t.Destinations[i]; o.Only == nil || o.Only(d) {
			r.addDestination(d, findings, o)
		}
	}
	reported := findings
	if o.Only != nil {
		reported = diagnose.Concerning(t, o.Only)
	}
	for i := range reported {
		f := &reported[i]
		r.Findings = append(r.Findings, newFinding(f, owners(t, f)))
	}
	for i := range o.Errors {
		r.Errors = append(r.Errors, newError(&o.Errors[i], t, findings))
	}
	return r
}

func (r *Report) addDestination(d *ports.Destination, findings []diagnose.Finding, o Options) {
	r.lookedAt++
	if o.All || o.Asked != "" || worth(d) || diagnose.LevelOf(d) > diagnose.OK || found(d, findings) {
		r.Destinations = append(r.Destinations, newDestination(d))
		return
	}
	r.leftOut++ // there may be a hundred thousand of them
	if r.fullest == nil || diagnose.UsedPercent(d) > diagnose.UsedPercent(r.fullest) {
		r.fullest = d
	}
}

func worth(d *ports.Destination) bool { return 100*d.Held >= worthSaying*d.Budget }

func found(d *ports.Destination, findings []diagnose.Finding) bool {
	for i := range findings {
		if findings[i].About(d) {
			return true
		}
	}
	return false
}

// subject is the destination that a finding is about, or nil.
func subject(t *ports.Table, f *diagnose.Finding) *ports.Destination {
	for i := range t.Destinations {
		if d := &t.Destinations[i]; f.About(d) {
			return d
		}
	}
	return nil
}

func owners(t *ports.Table, f *diagnose.Finding) []ports.Owner {
	if d := subject(t, f); d != nil {
		return d.Owners
	}
	return nil
}

// Worst is the level of the worst thing in the report.
func (r *Report) Worst() (worst diagnose.Level) {
	for i := range r.Destinations {
		worst = max(worst, r.Destinations[i].level)
	}
	for i := range r.Findings {
		worst = max(worst, r.Findings[i].level)
	}
	return worst
}

func newNamespace(n *ports.Namespace) Namespace {
	return Namespace{
		Name:            n.Name,
		Range:           Range{First: n.First, Last: n.Last, Reserved: n.Reserved, Size: n.Size()},
		TimeWaitSeconds: int(n.TimeWait.Seconds()),
		TWReuse:         n.TWReuse,
	}
}

func newDestination(d *ports.Destination) Destination {
	level := diagnose.LevelOf(d)
	n := Destination{
		Namespace: d.Namespace, Source: address(d.Source), Destination: d.Destination.String(),
		Budget: d.Budget, Held: d.Held, Reusable: d.Reusable, Free: d.Free,
		States: map[string]int{}, Rate: tenths(d.Rate), WallRate: tenths(d.Wall), CliffRate: tenths(d.Cliff),
		ConnectCostUS: d.ConnectCost.Microseconds(), ConnectCostMeasured: d.ConnectCostMeasured,
		ExhaustedInSeconds: seconds(d.ExhaustedIn), Level: level.String(), Owners: []Owner{},
		facts: d, level: level,
	}
	for state, count := range d.States {
		n.States[stateName(state)] = count
	}
	for i, c := range d.Closed {
		n.ClosedPerSecond[i] = rounded(c)
	}
	for _, o := range d.Owners {
		n.Owners = append(n.Owners, Owner{PID: o.PID, Command: o.Command, Sockets: o.Sockets, Inferred: o.Inferred})
	}
	return n
}

// seconds is nil for never.
func seconds(d time.Duration) *int {
	if d < 0 {
		return nil
	}
	s := int(d.Round(time.Second).Seconds())
	return &s
}

// stateName is the state as JSON has it: time_wait.
func stateName(s sock.State) string { return strings.ReplaceAll(s.String(), "-", "_") }

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func newFinding(f *diagnose.Finding, owners []ports.Owner) Finding {
	n := Finding{
		Code: f.Code, Level: f.Level.String(), Namespace: f.Namespace, Source: address(f.Source),
		What: f.What, Because: f.Because, Do: advice.For(f.Do, owners), Docs: f.Docs(),
		mode: f.Mode, level: f.Level,
	}
	if f.Destination.IsValid() {
		n.Destination = f.Destination.String()
	}
	return n
}

func newError(e *explain.Error, t *ports.Table, findings []diagnose.Finding) Error {
	n := Error{
		Name: e.Name, Count: e.Count, FirstLine: e.FirstLine, Example: e.Example, Means: e.Means,
		Now: e.Now(t, findings), Findings: append([]string{}, e.Findings...), Destinations: []ErrorPlace{},
	}
	for _, d := range e.Destinations {
		n.Destinations = append(n.Destinations, ErrorPlace{d.Name, d.Count})
	}
	return n
}
