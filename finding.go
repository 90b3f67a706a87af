package berth

import (
	"fmt"
	"time"
)

// A finding is what asks for attention, and what to do.
type finding struct {
	Code string `json:"code"`
	Host string `json:"host"`
	What string `json:"what"`
	Do   string `json:"do"`
}

// longUse is how long an exchange may take and not be looked at.
const longUse = 5 * time.Minute

// findings appends those of a host.
func (v *hostView) findings(all []finding) []finding {
	add := func(code, what, do string) { all = append(all, finding{code, v.Name, what, do}) }
	for _, cause := range []waitCause{forHost, forMaxConns, forHTTP2, forDials} {
		if n, limit, longest := v.waitFor(cause); n > 0 {
			field := limitFields[cause]
			add("limit-reached",
				fmt.Sprintf("%s since %s (%s) is reached, the longest for %s", atLeast(n, v.WaitersNotListed, "request waits", "requests wait"), field, count(limit), longest),
				"raise "+field+" if the server bears it, or see what holds connections: those that are in use for longest come first")
		}
	}
	if v.Backoff != nil {
		what, do := "dials fail", "see whether the server is up, and its name and port are right"
		if v.BackoffLocal {
			what, do = "dials fail for want of something on this machine", "run berth check"
		}
		if v.LastDialError != "" {
			what += ": " + v.LastDialError
		}
		add("dials-fail", what, do)
	}
	if n := v.inUseFor(longUse); n > 0 {
		add("in-use-long", fmt.Sprintf("%s in use for over %s", atLeast(n, v.ConnsNotListed, "connection has been", "connections have been"), seconds(longUse)),
			"unless requests are long on purpose: read each response's body to its end, or close it; LeakAfter finds those that are not")
	}
	for _, w := range wastes {
		if n := w.of(&v.Counts.Closed); n >= 10 && n*10 >= v.Counts.Acquired {
			add(w.code, fmt.Sprintf("%s in %s %s", plural(n, "connection", "connections"), plural(v.Counts.Acquired, "request", "requests"), w.what), w.do)
		}
	}
	return all
}

// wastes are the causes of closing connections that cost ports for nothing.
var wastes = []struct {
	code, what, do string
	of             func(*closedView) int64
}{
	{"idle-limit", "were closed for MaxIdleConnsPerHost or MaxIdleConns", "raise it: each of them holds its local port for another minute",
		func(c *closedView) int64 { return c.MaxIdlePerHost + c.MaxIdle }},
	{"bodies-unread", "were closed for a body that was not read to its end, or bytes that nobody asked for", "io.Copy(io.Discard, resp.Body) before resp.Body.Close()",
		func(c *closedView) int64 { return c.Unclean }},
	{"not-kept", "were closed since one side said so", "see DisableKeepAlives, Request.Close, and the server's keep-alive settings",
		func(c *closedView) int64 { return c.NotKept }},
}

// waitFor counts the listed waiters that a limit holds back.
func (v *hostView) waitFor(cause waitCause) (n, limit int, longest seconds) {
	for _, w := range v.Waiters {
		if w.For == cause {
			n++
			limit, longest = *w.Limit, max(longest, w.Waiting)
		}
	}
	return n, limit, longest
}

func (v *hostView) inUseFor(d time.Duration) (n int) {
	for _, c := range v.Conns {
		if c.InUse != nil && time.Duration(*c.InUse) > d {
			n++
		}
	}
	return n
}
