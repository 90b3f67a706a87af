// Package verdict says of what a process was seen to do with its connections what follows from it: one sentence and
// what to do, in the vocabulary of berth check. It does no I/O, and what the facts do not show it does not claim.
package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
)

// A Verdict is one conclusion. Its words are for people, and plain ASCII; Code is for programs, and the heading in
// docs/trace.md.
type Verdict struct {
	Code string
	What string
	Do   []string // the first first: sentences and commands
}

// Docs is where the verdict is explained, from the root of the repository.
func (v *Verdict) Docs() string { return "docs/trace.md#" + v.Code }

// Good reports whether there is nothing to mend.
func (v *Verdict) Good() bool { return v.Code == "reused" || v.Code == "too-few" }

// A rule says what it concludes, or has nothing to say. It fills in What and Do.
type rule struct {
	code  string
	judge func(*scene) (Verdict, bool)
}

// rules are in the order to try: the first that has something to say is right. What is certain comes before what is
// likely, and causes before their effects.
var rules = []rule{
	{"connects-fail", connectsFail},
	{"reused", reused},
	{"too-few", tooFew},
	{"pool-too-small", poolTooSmall},
	{"transport-per-call", transportPerCall},
	{"keepalives-disabled", keepalivesDisabled},
	{"close-idle", closeIdle},
	{"requests-cancelled", requestsCancelled},
	{"server-closes-idle", serverClosesIdle},
	{"idle-timeout", idleTimeout},
	{"body-not-read", bodyNotRead},
	{"connection-leak", connectionLeak},
	{"dial-per-call", dialPerCall},
	{"server-closes", serverCloses},
	{"resets", resets},
	{"one-connection-a-request", oneConnectionARequest},
	{"partly-reused", partlyReused},
}

// Codes are those of all verdicts that there can be.
func Codes() (all []string) {
	for _, r := range rules {
		all = append(all, r.code)
	}
	return all
}

// Of is the verdict on a group.
func Of(g *bill.Group) Verdict {
	s := newScene(g)
	for _, r := range rules {
		if v, ok := r.judge(s); ok {
			v.Code = r.code
			v.What += s.noPort()
			return v
		}
	}
	panic("verdict: the last rule has always something to say")
}

// A scene is what a rule sees.
type scene struct {
	*bill.Group
	reasons  int    // closings that a library gave a reason for
	reason   string // the most frequent one, among those that mean the same
	share    int    // of reasons, that have it
	explains bool   // the reason explains most of what ended
}

// meanings are what libraries say as they close, by a part of it. Of what a connection is closed for, several may be
// the same to somebody who has to mend it.
var meanings = []struct{ words, means string }{
	{"too many idle connections for host", "full host"},
	{"too many idle connections", "full"},
	{"CloseIdleConnections", "close idle"},
	{"keep alives disabled", "no keep-alives"},
	{"request canceled", "cancelled"},
	{"context canceled", "cancelled"},
	{"deadline exceeded", "cancelled"},
	{"timeout awaiting response headers", "cancelled"},
	{"server closed idle connection", "server closed idle"},
	{"closed by the server", "server closed idle"},
	{"idle connection timeout", "idle timeout"},
	{"idle timeout", "idle timeout"},
	{"readLoop exiting", "read loop"},
	{"not kept alive", "read loop"},
}

func meaning(reason string) string {
	for _, m := range meanings {
		if strings.Contains(reason, m.words) {
			return m.means
		}
	}
	return reason
}

func newScene(g *bill.Group) *scene {
	s := &scene{Group: g}
	shares := map[string]int{}
	for r, n := range g.CloseReasons {
		shares[meaning(r)] += n
		s.reasons += n
	}
	for _, m := range slices.Sorted(maps.Keys(shares)) {
		if shares[m] > s.share {
			s.reason, s.share = m, shares[m]
		}
	}
	s.explains = 2*s.share >= s.reasons && 3*s.share >= g.Ended() && s.share > 0
	return s
}

// because reports whether most connections ended for a reason.
func (s *scene) because(reason string) bool { return s.explains && s.reason == reason }

// most reports whether n are at least half of what ended.
func (s *scene) most(n int) bool { return n > 0 && 2*n >= s.Ended() }

// noPort adds that connects failed for want of a local port.
func (s *scene) noPort() string {
	n := s.Failed["EADDRNOTAVAIL"]
	if n == 0 || s.Connections == 0 {
		return ""
	}
	return fmt.Sprintf("; %s failed: no local port was free", diagnose.Plural(n, "connect"))
}

// site is the call that opens the most.
func (s *scene) site() (place string, ok bool) {
	for _, site := range s.Sites {
		if site.Function != "" {
			return Place(site), true
		}
	}
	return "", false
}

// Place is where a call is: main.fetch (orders.go:88).
func Place(s bill.Site) string {
	file := s.File[strings.LastIndexByte(s.File, '/')+1:]
	switch {
	case file == "":
		return s.Function
	case s.Line == 0:
		return s.Function + " (" + file + ")"
	}
	return fmt.Sprintf("%s (%s:%d)", s.Function, file, s.Line)
}

// at adds the place to advice, where it is known.
func (s *scene) at(advice string) string {
	if place, ok := s.site(); ok {
		return advice + ": " + place
	}
	return advice
}

func (s *scene) check() string { return "berth check " + s.Destination.String() }

// usesHTTP reports whether net/http was seen to dial.
func (s *scene) usesHTTP() bool {
	return slices.ContainsFunc(s.Sites, func(site bill.Site) bool { return site.Through == bill.NetHTTP })
}

// times is a number of requests as people say it.
func times(r float64) string {
	if r >= 10 {
		return fmt.Sprintf("%.0f", r)
	}
	return fmt.Sprintf("%.1f", r)
}

// topFailure is the errno that most connects failed with.
func (s *scene) topFailure() (name string, n int) {
	for _, e := range slices.Sorted(maps.Keys(s.Failed)) {
		if s.Failed[e] > n {
			name, n = e, s.Failed[e]
		}
	}
	return cmp.Or(name, "unknown"), n
}
