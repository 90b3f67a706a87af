package demo

import (
	"fmt"
	"net/http"
	"strings"
)

// sentence says what happened and why, by the phases' numbers: who ran out, and who did not.
func (r *Result) sentence() string {
	perRequest, std, cure := r.Phases[0], r.Phases[1], r.Phases[2]
	switch {
	case !r.Cured():
		return fmt.Sprintf("the cure does not hold here: %s failed %s of the %s it sent%s",
			cure.Name, count(cure.Failed), plural(cure.OK+cure.Failed, "request"), because(cure))
	case perRequest.Failed+std.Failed == 0:
		return fmt.Sprintf("nothing failed: the clients opened %s, %s and %s on %s", count(perRequest.Connections),
			count(std.Connections), plural(cure.Connections, "connection"), plural(r.Ports, "port"))
	}
	for _, p := range []Phase{perRequest, std} {
		if p.Failed > 0 && !p.ranOut() {
			return fmt.Sprintf("%s failed %s of %s, and not for want of a port%s",
				p.Name, count(p.Failed), plural(p.OK+p.Failed, "request"), because(p))
		}
	}
	return fmt.Sprintf("a connection that its client closes holds its port in TIME_WAIT for 60 s, so with %s %s; %s; %s",
		plural(r.Ports, "port"), perRequestStory(perRequest), stdStory(std), cureStory(cure))
}

func because(p Phase) string {
	if p.FirstError == "" {
		return ""
	}
	return ": " + p.FirstError
}

func perRequestStory(p Phase) string {
	if p.Failed == 0 {
		return "a connection per request just got through"
	}
	return fmt.Sprintf("a connection per request got %s of %s through and found no port for %s",
		count(p.OK), plural(p.OK+p.Failed, "request"), count(p.Failed))
}

func stdStory(p Phase) string {
	story := fmt.Sprintf("%s keeps %d idle connections a host and closes the rest, ", p.Name, http.DefaultMaxIdleConnsPerHost)
	if p.Failed == 0 {
		return story + fmt.Sprintf("and got through with %s", plural(p.Connections, "connection"))
	}
	return story + fmt.Sprintf("so %s of %s failed", count(p.Failed), count(p.OK+p.Failed))
}

func cureStory(p Phase) string {
	return fmt.Sprintf("%s kept what it opened and got all %s through on %s",
		p.Name, count(p.OK), plural(p.Connections, "connection"))
}

// notes are what a reader of the numbers must know to read them right.
func (r *Result) notes() (notes []string) {
	if again := r.reused(); len(again) > 0 {
		notes = append(notes, fmt.Sprintf("note: %s opened more connections than there are ports: on loopback linux lends "+
			"a port in TIME_WAIT again after a second, and a destination beyond loopback waits out the 60 s",
			strings.Join(again, " and ")))
	}
	if late := r.late(); len(late) > 0 {
		notes = append(notes, fmt.Sprintf("note: time was up before all of %s were sent: %s",
			plural(r.Requests, "request"), strings.Join(late, ", ")))
	}
	return notes
}

// reused names the clients that had ports a second time.
func (r *Result) reused() (names []string) {
	for _, p := range r.Phases {
		if p.Connections > r.Ports && p.Seconds > 1 {
			names = append(names, p.Name)
		}
	}
	return names
}

// late names the clients whose time was up, and how many requests they sent.
func (r *Result) late() (clients []string) {
	for _, p := range r.Phases {
		if p.TimedOut {
			clients = append(clients, p.Name+" "+count(p.OK+p.Failed))
		}
	}
	return clients
}

// next is what to type now.
func (r *Result) next() string {
	switch {
	case !r.Cured():
		return "next: berth demo --json, and berth version, for a report\n"
	case r.Phases[0].ranOut() || r.Phases[1].ranOut():
		return "next: go get github.com/berth-go/berth\n" +
			"      client := &http.Client{Transport: berth.Default()}\n"
	case r.Ports > 64 || r.Requests < 2000:
		return "next: berth demo --ports 64 --requests 2000\n"
	}
	return "next: berth demo --ports 16 --requests 10000\n"
}
