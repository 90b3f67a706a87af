// Package advice says what to do in the words of the client that has the trouble, where its command line tells
// which that is. The clients are data, in clients.json; each has a chapter in docs/clients.md.
package advice

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

//go:embed clients.json
var data []byte

// A client is a program, or a library in one, that opens connections.
type client struct {
	ID      string     `json:"id"`      // the heading in docs/clients.md
	Program expression `json:"program"` // the program's name matches
	Words   expression `json:"words"`   // and its command line does, unless empty
	Reuse   string     `json:"reuse"`   // how it keeps its connections
	Close   string     `json:"close"`   // how it lets go of them
}

// clients are in the order to try: the first that fits is it.
var clients = load(data)

func load(data []byte) (all []client) {
	if err := json.Unmarshal(data, &all); err != nil {
		panic("advice: clients.json: " + err.Error()) // it is part of the binary, and a test reads it
	}
	return all
}

type expression struct{ *regexp.Regexp }

// UnmarshalText makes a regular expression of a JSON string.
func (e *expression) UnmarshalText(b []byte) (err error) {
	e.Regexp, err = regexp.Compile(string(b))
	return err
}

// For returns what to do, in the words of the client of the owner who has the most sockets: general advice that
// there are better words for is replaced, and the rest is as it was. The slice given is not changed.
func For(do []string, owners []ports.Owner) []string {
	c := busiest(owners)
	if c == nil {
		return do
	}
	do = slices.Clone(do)
	for i := range do {
		switch do[i] {
		case diagnose.ShareOneClient:
			do[i] = c.sentence(c.Reuse)
		case diagnose.CloseWhatYouOpen, diagnose.CloseWhatThePeerClosed:
			do[i] = c.sentence(c.Close)
		}
	}
	return do
}

func (c *client) sentence(s string) string { return s + " (docs/clients.md#" + c.ID + ")" }

func busiest(owners []ports.Owner) *client {
	if len(owners) == 0 {
		return nil
	}
	return of(slices.MaxFunc(owners, func(a, b ports.Owner) int { return cmp.Compare(a.Sockets, b.Sockets) }))
}

// of is the client of a process, or nil where neither the command line nor the executable tells.
func of(o ports.Owner) *client {
	if c := named(o); c != nil || !o.Go {
		return c
	}
	i := slices.IndexFunc(clients, func(c client) bool { return c.ID == "go" })
	return &clients[i]
}

// named is the client that the command line tells.
func named(o ports.Owner) *client {
	names, line := programs(o), strings.Join(o.Cmdline, " ")
	for i := range clients {
		c := &clients[i]
		if !slices.ContainsFunc(names, c.Program.MatchString) {
			continue
		}
		if c.Words.Regexp == nil || c.Words.MatchString(line) {
			return c
		}
	}
	return nil
}

// programs are the names that a process goes by: of its executable as it was started, and of its first thread.
// Some write what they do behind it: "nginx: worker process".
func programs(o ports.Owner) []string {
	names := []string{name(o.Command)}
	if len(o.Cmdline) > 0 {
		names = append(names, name(o.Cmdline[0]))
	}
	return names
}

func name(s string) string {
	s, _, _ = strings.Cut(s, ":")
	return path.Base(strings.ReplaceAll(s, `\`, "/"))
}
