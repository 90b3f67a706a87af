package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// quiet is all there is to say of a destination that is well.
func (d *Destination) quiet() string {
	return fmt.Sprintf("%s of %s", diagnose.Count(d.Held), diagnose.Count(d.Budget))
}

// write adds the rows of facts.
func (d *Destination) write(p *page) {
	held := append([]string{d.quiet()}, p.bar(d.facts)...)
	p.chunks("from "+d.Source, "   ", append(held, d.stateCounts()...))
	if d.facts.Rate > 0 || slices.Max(d.facts.Closed[:]) > 0 {
		p.chunks("closed by us", "  ", d.closing(p))
	}
	if cost := d.cost(); cost != "" {
		p.row("each connect", cost)
	}
	p.row("whose", d.whose())
}

// stateCounts are how many sockets there are in each state, the most first.
func (d *Destination) stateCounts() (all []string) {
	var states []sock.State
	for s := range d.facts.States {
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b sock.State) int {
		return cmp.Or(cmp.Compare(d.facts.States[b], d.facts.States[a]), cmp.Compare(a, b))
	})
	for _, s := range states {
		if n := d.facts.States[s]; n > 0 {
			all = append(all, diagnose.Count(n)+" "+stateWord(s))
		}
	}
	if d.Reusable > 0 {
		all = append(all, diagnose.Count(d.Reusable)+" free to be taken again")
	}
	return all
}

// stateWord is the state as people write it: TIME_WAIT, but established.
func stateWord(s sock.State) string {
	if s == sock.Established {
		return s.String()
	}
	return strings.ToUpper(stateName(s))
}

func (d *Destination) closing(p *page) []string {
	parts := []string{diagnose.PerSecond(d.facts.Rate) + "/s"}
	if p.Graphics {
		parts = append(parts, sparkline(d.facts.Closed[:]))
	}
	parts = append(parts, trend(d.facts.Closed[:]))
	return append(parts, fmt.Sprintf("(wall %s/s, slow above %s/s)", diagnose.PerSecond(d.facts.Wall), diagnose.PerSecond(d.facts.Cliff)))
}

// trend says for how long the closes have risen or fallen without a break. Two steps may be chance.
func trend(closed []float64) string {
	steps := func(moves func(before, after float64) bool) (n int) {
		for i := len(closed) - 1; i > 0 && moves(closed[i-1], closed[i]); i-- {
			n++
		}
		return n
	}
	up := steps(func(a, b float64) bool { return b > a })
	down := steps(func(a, b float64) bool { return b < a })
	switch {
	case up > 2:
		return "rising for " + diagnose.About(time.Duration(up)*ports.StepTime)
	case down > 2:
		return "falling for " + diagnose.About(time.Duration(down)*ports.StepTime)
	}
	return "in the last seconds"
}

// cost is what a connect takes, where it was measured or is worth a word.
func (d *Destination) cost() string {
	c := diagnose.Millis(d.facts.ConnectCost)
	switch {
	case d.ConnectCostMeasured:
		return fmt.Sprintf("costs %s of CPU, as measured", c)
	case d.level == diagnose.OK || d.facts.FirstHalfFree > 0 || d.facts.ConnectCost <= ports.Estimated.Base:
		return ""
	}
	return fmt.Sprintf("costs about %s of CPU since the half that is tried first is used up: was %s", c, diagnose.Millis(ports.Estimated.Base))
}

// mostOwners are named; of the others, the number.
const mostOwners = 3

func (d *Destination) whose() string {
	all := d.facts.Owners
	if len(all) == 0 {
		return nobody(d.facts)
	}
	var names []string
	for i := range all[:min(len(all), mostOwners)] {
		names = append(names, ownerWords(&all[i]))
	}
	if more := len(all) - mostOwners; more > 0 {
		names = append(names, fmt.Sprintf("%s more", diagnose.Count(more)))
	}
	return strings.Join(names, ", ") + holds(d.facts)
}

func ownerWords(o *ports.Owner) string {
	about := []string{fmt.Sprintf("pid %d", o.PID)}
	if o.User != "" {
		about = append(about, "user "+o.User)
	}
	if o.Container != "" {
		about = append(about, "container "+o.Container[:min(len(o.Container), 12)])
	}
	return Clean(fmt.Sprintf("%s (%s)", o.Command, strings.Join(about, ", ")))
}

// holds says what of it is known and what is inferred.
func holds(d *ports.Destination) string {
	verb := "holds"
	if len(d.Owners) > 1 {
		verb = "hold"
	}
	switch waiting := d.States[sock.TimeWait]; {
	case d.Owners[0].Inferred:
		return ", as inferred from live connections there from another address: TIME_WAIT has no owner"
	case waiting > 0:
		return " " + verb + " the live ones, and so the rest is inferred to be from there: TIME_WAIT has no owner"
	}
	return ""
}

func nobody(d *ports.Destination) string {
	if d.States[sock.TimeWait] == d.Held {
		return "not known: TIME_WAIT has no owner, and nobody has a live connection there now"
	}
	if d.Unowned == 0 && diagnose.AllClosed(d) {
		return "nobody's any more: the program has closed them all, and the kernel waits for the other side"
	}
	return "not seen: the live ones are of no process that this user may look into"
}
