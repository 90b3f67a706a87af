package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A judge knows what the suite's lines say, and which goroutines are the subject's.
type judge struct {
	sayings map[string]saying
	symbol  string // what the names of the subject's functions begin with
}

// An end is how a process ended.
type end struct {
	exit error
	hung time.Duration // it was killed after so long without progress
}

// verdict returns the outcomes of a process, the last of which ended it where
// ended is true: there may be more subtests then, which had no turn.
func (j *judge) verdict(p *output, e end) (cases []outcome, ended bool) {
	for _, c := range p.order {
		if c.kids == 0 && c.state != running || c.state == fail && (j.ownError(c) || !p.failedBelow(c)) {
			cases = append(cases, j.outcome(c))
		}
	}
	whole := p.cases[p.test]
	if e.hung == 0 && (e.exit == nil || !p.dying && (whole == nil || whole.state != running)) {
		if e.exit != nil && !slices.ContainsFunc(cases, outcome.failed) {
			cases = without(cases, p.test) // such as a data race after the end
			cases = append(cases, newOutcome(p.test, fail, fmt.Sprintf("it passed, but its process ended with %v", e.exit)))
		}
		return cases, false
	}
	last := j.blame(p, e)
	return append(without(cases, last.Name), last), true
}

func without(cases []outcome, name string) []outcome {
	return slices.DeleteFunc(cases, func(o outcome) bool { return o.Name == name })
}

// failedBelow reports whether a part of c failed.
func (p *output) failedBelow(c *progress) bool {
	return slices.ContainsFunc(p.order, func(k *progress) bool {
		return k.state == fail && strings.HasPrefix(k.name, c.name+"/")
	})
}

// blame returns the outcome of the test that ended the process: the innermost
// that was running, or that a panic just ended.
func (j *judge) blame(p *output, e end) outcome {
	cur := p.innermost(running)
	if cur == nil {
		cur = p.innermost(fail)
	}
	name := p.test
	if cur != nil {
		name = cur.name
	}
	if e.hung > 0 {
		return newOutcome(name, hang, fmt.Sprintf("no progress for %v%s", e.hung, j.where(p.dump)))
	}
	why := p.lastWords(e.exit) + j.where(p.dump)
	if cur != nil && j.ownError(cur) {
		cur.state = fail
		why = j.reason(cur) + " [then " + why + "]"
	}
	return newOutcome(name, crash, why)
}

func (p *output) innermost(state result) (cur *progress) {
	depth := func(c *progress) int { return strings.Count(c.name, "/") }
	for _, c := range p.order {
		if c.state == state && !c.paused && (cur == nil || depth(c) >= depth(cur)) {
			cur = c
		}
	}
	return cur
}

// lastWords says why the process ended.
func (p *output) lastWords(exit error) string {
	for _, s := range p.dump {
		if strings.HasPrefix(s, "panic: ") || strings.HasPrefix(s, "fatal error: ") {
			return s
		}
	}
	return fmt.Sprintf("the process ended: %v", exit)
}

// A stack's lines end in what they call a function with.
var argumentsRE = regexp.MustCompile(`\((0x.*|\.\.\.|\{.*|)\)?$`)

// where names what the goroutines of the subject were doing.
func (j *judge) where(dump []string) string {
	var at []string
	for goroutine := range strings.SplitSeq(strings.Join(dump, "\n"), "\n\n") {
		for line := range strings.SplitSeq(goroutine, "\n") {
			fn, ok := strings.CutPrefix(line, j.symbol)
			if !ok {
				continue
			}
			if fn = argumentsRE.ReplaceAllString(strings.TrimPrefix(fn, "."), ""); !slices.Contains(at, fn) {
				at = append(at, fn)
			}
			break // the innermost call says enough
		}
	}
	if len(at) == 0 {
		return ""
	}
	return "; in " + strings.Join(at[:min(4, len(at))], ", ")
}

// A printed line begins with where it is from.
var printedRE = regexp.MustCompile(`^\s+([\w.-]+\.go:\d+): (.*)$`)

// A server of the suite logs what its clients do: that is no error.
const serverLog = "server log: "

func (j *judge) outcome(c *progress) outcome {
	if c.state != fail {
		// A drop is a skip, and within a synctest bubble a skip reads as a pass.
		for _, s := range c.lines {
			m := printedRE.FindStringSubmatch(s)
			if m == nil {
				continue
			}
			if why, ok := strings.CutPrefix(m[2], dropMark); ok {
				return newOutcome(c.name, drop, why)
			}
			if j.sayings[m[1]] == saysSkip {
				return newOutcome(c.name, skip, m[2])
			}
		}
	}
	return newOutcome(c.name, c.state, j.reason(c))
}

// reason returns why a case was skipped, or the first error of one that failed.
func (j *judge) reason(c *progress) string {
	var log, helper, last string
	for _, s := range c.lines {
		m := printedRE.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		if c.state == skip {
			return m[2]
		}
		last = m[1] + ": " + m[2]
		switch j.sayings[m[1]] {
		case saysError:
			return last
		case saysLog:
			if log == "" {
				log = last
			}
		default:
			if !strings.HasPrefix(m[2], serverLog) {
				helper = last // an earlier one may only log
			}
		}
	}
	if c.state != fail {
		return ""
	}
	for _, s := range []string{helper, log, last} {
		if s != "" {
			return s
		}
	}
	if len(c.lines) > 0 {
		return strings.TrimSpace(c.lines[0])
	}
	return "it did not say why"
}

// ownError reports whether a test printed an error, so that it did not fail only
// because a subtest did.
func (j *judge) ownError(c *progress) bool {
	return slices.ContainsFunc(c.lines, func(s string) bool {
		m := printedRE.FindStringSubmatch(s)
		return m != nil && j.sayings[m[1]] != saysLog && !strings.HasPrefix(m[2], serverLog)
	})
}
