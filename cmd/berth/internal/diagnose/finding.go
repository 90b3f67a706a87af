// Package diagnose draws conclusions from a ports.Table: facts in, findings out, one rule a file. It does no
// I/O, and what the facts do not show it does not claim.
package diagnose

import (
	"net/netip"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// A Level is how bad a thing is.
type Level int

const (
	OK Level = iota
	Slow
	Critical
	Exhausted
)

var levelNames = [...]string{OK: "ok", Slow: "slow", Critical: "critical", Exhausted: "exhausted"}

// String is the level's name, as flags and JSON have it.
func (l Level) String() string { return levelNames[l] }

// A Mode is where the ports go, and so how far the damage reaches.
type Mode string

const (
	PerDestination Mode = "per destination" // one pair of source and destination runs out; others do not notice
	Global         Mode = "global"          // every destination of the network namespace is short of the same thing
	Leak           Mode = "leak"            // what was opened is never given back
	Elsewhere      Mode = "elsewhere"       // it is not this machine's ports that run out
)

var reaches = map[Mode]string{
	PerDestination: "only this pair of source and destination is short of ports",
	Global:         "every destination shares it",
	Leak:           "what was opened is never given back",
	Elsewhere:      "it is not the ports of this machine that run out",
}

// Reach says in words how far the damage reaches.
func (m Mode) Reach() string { return reaches[m] }

// A Finding is one conclusion. Its words are for people, and plain ASCII; Code is for programs, and the heading
// in docs/check.md.
type Finding struct {
	Code        string
	Level       Level
	Mode        Mode
	Namespace   string
	Source      netip.Addr     // zero where the finding is about the whole namespace
	Destination netip.AddrPort // likewise
	What        string         // what happens
	Because     string         // the facts that it follows from
	Do          []string       // what to do, the first first: sentences and commands
}

// Docs is where the finding is explained, from the root of the repository.
func (f *Finding) Docs() string { return "docs/check.md#" + f.Code }

// About reports whether the finding is about a destination.
func (f *Finding) About(d *ports.Destination) bool {
	return f.Namespace == d.Namespace && f.Source == d.Source && f.Destination == d.Destination
}
