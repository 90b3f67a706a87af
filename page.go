package berth

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// html is by hand: html/template makes a program a third larger, and package
// html has a table of all entities in programs that never ask for the page.
func (v *view) html() []byte {
	p := newPage()
	p.raw(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>berth</title>
<style>` + pageStyle + `</style>
`)
	v.top(p)
	if len(v.Hosts) > 1 {
		v.index(p)
	}
	for i := range v.Hosts {
		v.Hosts[i].section(p, i)
	}
	if n := v.HostsNotListed; n > 0 {
		p.put("<p>and %s, not listed</p>\n", plural(n, "more host", "more hosts"))
	}
	p.raw("</html>\n")
	return []byte(p.String())
}

func (v *view) top(p *page) {
	c := &v.Totals
	json := "?format=json"
	p.raw("<h1>berth</h1>\n")
	if v.Shut {
		p.raw("<p>the transport is closed</p>\n")
	}
	p.put("<p>%s: %s in use, %s idle; %s, %s</p>\n", plural(c.Open, "connection", "connections"), count(c.InUse), count(c.Idle),
		plural(c.Dialing, "dial", "dials"), plural(c.Waiting, "request waits", "requests wait"))
	p.put("<p>%s</p>\n", c.history())
	if v.only != "" {
		json += "&host=" + url.QueryEscape(v.only)
		p.put(`<p>of all hosts; below is only %s (<a href="?">all</a>)</p>`+"\n", v.only)
		if len(v.Hosts) == 0 {
			p.raw("<p>there is no such host: one without connections is forgotten</p>\n")
		}
	}
	p.put(`<p>%s, <a href="%s">json</a></p>`+"\n", v.Time, json)
	if len(v.Findings) == 0 {
		return
	}
	p.raw("<ul>\n")
	for _, f := range v.Findings {
		p.put("<li><b>%s</b>: %s<br>%s</li>\n", f.Host, f.What, f.Do)
	}
	p.raw("</ul>\n")
}

// history is what was since the beginning.
func (c *countsView) history() string {
	s := fmt.Sprintf("%s, %s on a connection that was there; %s, %s failed, %s put off and not needed",
		plural(c.Acquired, "request", "requests"), count(c.Reused), plural(c.Dials, "dial", "dials"), count(c.DialsFailed), count(c.DialsElided))
	for _, more := range []struct {
		n    int64
		what string
	}{{c.Canceled, "gave up waiting"}, {c.Rejected, "found the queue full"}, {c.Leaked, "left a body open for LeakAfter"}} {
		if more.n > 0 {
			s += "; " + plural(more.n, "request", "requests") + " " + more.what
		}
	}
	return s
}

func (v *view) index(p *page) {
	p.table("", "host", "#wait", "#in use", "#idle", "#dials", "#requests")
	for i := range v.Hosts {
		h := &v.Hosts[i]
		c := &h.Counts
		p.put(`<tr><td><a href="#host%d">%s</a>`, i+1, h.Name)
		p.cells(count(c.Waiting), count(c.InUse), count(c.Idle), count(c.Dialing), count(c.Acquired))
	}
	p.raw("</table></div>\n")
}

func (h *hostView) section(p *page, i int) {
	c := &h.Counts
	p.put(`<h2 id="host%d">%s</h2>`+"\n", i+1, h.Name)
	if h.HTTP1Only {
		p.raw("<p>for WebSockets: HTTP/1.1 only</p>\n")
	}
	p.put("<p>%s in use with %s, %s idle; %s</p>\n", count(c.InUse), plural(c.InFlight, "request", "requests"), count(c.Idle), c.history())
	if text := h.closedText(); text != "" {
		p.put("<p>closed: %s</p>\n", text)
	}
	if h.LastDialError != "" {
		p.put("<p>the last dial that failed: %s</p>\n", h.LastDialError)
	}
	h.waits(p)
	h.dialing(p)
	h.conns(p)
}

// closedText is "3 idle timeout, 1 closed by the server".
func (h *hostView) closedText() string {
	var all []string
	for why, n := range h.closed {
		if n > 0 {
			all = append(all, count(n)+" "+closeReason(why).String())
		}
	}
	return strings.Join(all, ", ")
}

func (h *hostView) waits(p *page) {
	if len(h.Waiters) == 0 {
		return
	}
	p.table("requests that wait", "for", "what for")
	for i := range h.Waiters {
		w := &h.Waiters[i]
		p.put("<tr><td>%s<td>%s\n", w.Waiting, w.text())
	}
	p.end(h.WaitersNotListed)
}

func (w *waiterView) text() string {
	switch w.For {
	case forDial:
		return "a dial that has taken " + w.Dialing.String()
	case forPutOff:
		return "a connection that is expected back, or in " + w.PutOffBy.String() + " a dial"
	case forBackoff:
		return "a dial in " + w.PutOffBy.String() + ": those before have failed"
	case forProbe:
		return "the dial of another, to see whether this machine can again"
	case forTurn:
		return "those before it"
	}
	return fmt.Sprintf("a connection that comes back: %s (%s) is reached", limitFields[w.For], count(*w.Limit))
}

func (h *hostView) dialing(p *page) {
	if len(h.Dials) == 0 {
		return
	}
	p.table("dials", "for", "why", "#wait for it")
	for _, d := range h.Dials {
		p.put("<tr><td>%s<td>%s", d.Dialing, d.Why)
		p.cells(count(d.Waiters))
	}
	p.end(h.DialsNotListed)
}

func (h *hostView) conns(p *page) {
	if len(h.Conns)+h.ConnsNotListed == 0 {
		return
	}
	p.table("connections", "state", "for", "local port", "local", "remote", "protocol", "#age", "#requests", "#now", "#in", "#out", "ends")
	for i := range h.Conns {
		h.Conns[i].row(p)
	}
	p.end(h.ConnsNotListed)
}

func (c *connView) row(p *page) {
	local, port := c.Local, "–"
	if c.LocalPort != nil {
		local, _, _ = net.SplitHostPort(c.Local)
		port = strconv.Itoa(*c.LocalPort)
	}
	protocol, now := c.Protocol, count(c.InFlight)
	if c.TLS {
		protocol += ", TLS"
	}
	if c.MaxInFlight != nil && *c.MaxInFlight != 1 {
		now += " of " + count(*c.MaxInFlight)
	}
	if c.Choked {
		now += ", no stream to spare"
	}
	p.put("<tr><td>%s<td>%s<td>%s<td>%s<td>%s<td>%s", strings.ReplaceAll(string(c.State), "_", " "), c.so(), port, local, c.Remote, protocol)
	p.cells(c.Age.String(), count(c.Requests), now, size(c.BytesIn), size(c.BytesOut))
	p.put("<td>%s\n", c.ends())
}

func (c *connView) ends() string {
	switch {
	case c.Because != "":
		return "after this: " + c.Because
	case c.IdleClosesIn != nil:
		return "in " + c.IdleClosesIn.String()
	case c.RetiresIn != nil:
		return "serves for another " + c.RetiresIn.String()
	}
	return "–"
}

// A page is HTML. What is put into it is escaped, whatever it is.
type page struct {
	strings.Builder
	escape *strings.Replacer
}

func newPage() *page {
	return &page{escape: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")}
}

func (p *page) raw(constant string) { p.WriteString(constant) }

func (p *page) put(constant string, args ...any) {
	for i, a := range args {
		if _, ok := a.(int); !ok {
			args[i] = p.escape.Replace(fmt.Sprint(a))
		}
	}
	fmt.Fprintf(p, constant, args...)
}

// table begins one, in a box that scrolls on a narrow screen. Columns of numbers
// have a # before their name.
func (p *page) table(title string, columns ...string) {
	if title != "" {
		p.put("<h3>%s</h3>\n", title)
	}
	p.raw("<div><table>\n<tr>")
	for _, c := range columns {
		if number, ok := strings.CutPrefix(c, "#"); ok {
			p.put(`<th scope="col" class="n">%s`, number)
		} else {
			p.put(`<th scope="col">%s`, c)
		}
	}
	p.raw("\n")
}

// cells ends a row with numbers.
func (p *page) cells(numbers ...string) {
	for _, n := range numbers {
		p.put(`<td class="n">%s`, n)
	}
	p.raw("\n")
}

func (p *page) end(notListed int) {
	p.raw("</table></div>\n")
	if notListed > 0 {
		p.put("<p>and %s more, not listed</p>\n", count(notListed))
	}
}

const pageStyle = `
:root{color-scheme:light dark;font:14px/1.45 system-ui,sans-serif}
body{margin:1rem;overflow-wrap:anywhere}
h1,h2,h3{line-height:1.2;margin:1.5em 0 .4em}h1{font-size:1.4rem;margin-top:0}h2{font-size:1.15rem}h3{font-size:1rem}
p{margin:.3em 0}
li{margin:.4em 0}
div{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{text-align:left;padding:.15em .9em .15em 0;border-bottom:1px solid #8884}
.n{text-align:right}
`

// pagePolicy lets the browser take this style and nothing else.
func pagePolicy() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// String is as precise as one wants to read it: 250ms, 3.2s, 4m10s, 2h5m, 3d4h.
func (s seconds) String() string {
	d := time.Duration(s)
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + "s"
	case d < time.Hour:
		return shortened(d.Truncate(time.Second))
	case d < 48*time.Hour:
		return shortened(d.Truncate(time.Minute))
	}
	hours := int(d.Hours())
	return fmt.Sprintf("%dd%dh", hours/24, hours%24)
}

// shortened is 5m for 5m0s, and 2h for 2h0m0s.
func shortened(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// count writes a number as people read it: 28,232.
func count[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural[T int | int64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// atLeast is plural for those listed, which may not be all.
func atLeast(n, notListed int, one, many string) string {
	if notListed > 0 {
		return "at least " + plural(n, one, many)
	}
	return plural(n, one, many)
}

// size is a number of bytes, nil for not known.
func size(n *int64) string {
	if n == nil {
		return "–"
	}
	if *n < 1<<10 {
		return strconv.FormatInt(*n, 10) + " B"
	}
	f, units := float64(*n)/(1<<10), []string{"KB", "MB", "GB", "TB"}
	for f >= 1<<10 && len(units) > 1 {
		f, units = f/(1<<10), units[1:]
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[0]
}
