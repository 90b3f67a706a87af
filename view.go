package berth

import (
	"cmp"
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"time"
)

// A view is all that a page shows; what the page is, is a function of it alone.
// Its JSON is a contract, and so are the codes in it; words are not.
type view struct {
	Schema         int        `json:"schema"`
	Time           string     `json:"time"`
	Shut           bool       `json:"shut"`
	Totals         countsView `json:"totals"`
	Findings       []finding  `json:"findings"`
	Hosts          []hostView `json:"hosts"`
	HostsNotListed int        `json:"hosts_not_listed"`

	only string // ?host=
}

type hostView struct {
	Name          string     `json:"name"`
	HTTP1Only     bool       `json:"http1_only"`
	Counts        countsView `json:"counts"`
	LastDialError string     `json:"last_dial_error"`
	Backoff       *seconds   `json:"backoff_seconds"`
	BackoffLocal  bool       `json:"backoff_local"`

	Waiters          []waiterView `json:"waiters"`
	WaitersNotListed int          `json:"waiters_not_listed"`
	Dials            []dialView   `json:"dials"`
	DialsNotListed   int          `json:"dials_not_listed"`
	Conns            []connView   `json:"conns"`
	ConnsNotListed   int          `json:"conns_not_listed"`

	closed  [closeReasons]int64
	dialErr error
}

type connView struct {
	State        connState `json:"state"`
	Because      string    `json:"because"`
	Protocol     string    `json:"protocol"`
	TLS          bool      `json:"tls"`
	Local        string    `json:"local"`
	LocalPort    *int      `json:"local_port"`
	Remote       string    `json:"remote"`
	Age          seconds   `json:"age_seconds"`
	Idle         *seconds  `json:"idle_seconds"`
	InUse        *seconds  `json:"in_use_seconds"`
	BodyOpen     *seconds  `json:"body_open_seconds"`
	Requests     int       `json:"requests"`
	InFlight     int       `json:"in_flight"`
	MaxInFlight  *int      `json:"max_in_flight"`
	Choked       bool      `json:"choked"`
	BytesIn      *int64    `json:"bytes_in"`
	BytesOut     *int64    `json:"bytes_out"`
	RetiresIn    *seconds  `json:"retires_in_seconds"`
	IdleClosesIn *seconds  `json:"idle_closes_in_seconds"`

	nc net.Conn
}

type waiterView struct {
	Waiting  seconds   `json:"waiting_seconds"`
	For      waitCause `json:"for"`
	Limit    *int      `json:"limit"`
	Dialing  *seconds  `json:"dialing_seconds"`
	PutOffBy *seconds  `json:"put_off_seconds"`
}

type dialView struct {
	Dialing seconds `json:"dialing_seconds"`
	Why     string  `json:"why"`
	Waiters int     `json:"waiters"`
}

// countsView is HostStats, and closedView ClosedConns, for JSON.
type countsView struct {
	Open        int        `json:"open"`
	InUse       int        `json:"in_use"`
	Idle        int        `json:"idle"`
	Dialing     int        `json:"dialing"`
	Waiting     int        `json:"waiting"`
	InFlight    int        `json:"in_flight"`
	Acquired    int64      `json:"acquired"`
	Reused      int64      `json:"reused"`
	Waited      int64      `json:"waited"`
	Wait        seconds    `json:"wait_seconds"`
	Canceled    int64      `json:"canceled"`
	Rejected    int64      `json:"rejected"`
	Dials       int64      `json:"dials"`
	DialsFailed int64      `json:"dials_failed"`
	DialsElided int64      `json:"dials_elided"`
	Leaked      int64      `json:"leaked"`
	Upgraded    int64      `json:"upgraded"`
	Closed      closedView `json:"closed"`
}

type closedView struct {
	IdleTimeout    int64 `json:"idle_timeout"`
	Lifetime       int64 `json:"lifetime"`
	Peer           int64 `json:"peer"`
	Unclean        int64 `json:"unclean"`
	NotKept        int64 `json:"not_kept"`
	MaxIdle        int64 `json:"max_idle"`
	MaxIdlePerHost int64 `json:"max_idle_per_host"`
	MadeRoom       int64 `json:"made_room"`
	IdleCall       int64 `json:"idle_call"`
	Canceled       int64 `json:"canceled"`
	Broken         int64 `json:"broken"`
	Transport      int64 `json:"transport"`
	MaxRequests    int64 `json:"max_requests"`
	OverLimit      int64 `json:"over_limit"`
	Lost           int64 `json:"lost"`
	Spare          int64 `json:"spare"`
	Moved          int64 `json:"moved"`
}

func viewCounts(s HostStats) countsView {
	return countsView{
		Open: s.Open, InUse: s.InUse, Idle: s.Idle, Dialing: s.Dialing, Waiting: s.Waiting, InFlight: s.InFlight,
		Acquired: s.Acquired, Reused: s.Reused, Waited: s.Waited, Wait: seconds(s.WaitDuration),
		Canceled: s.Canceled, Rejected: s.Rejected,
		Dials: s.Dials, DialsFailed: s.DialsFailed, DialsElided: s.DialsElided,
		Leaked: s.Leaked, Upgraded: s.Upgraded, Closed: closedView(s.Closed),
	}
}

// connState is in the order of the page.
type connState string

const (
	connLeaving connState = "leaving" // in use, and for no new request
	connInUse   connState = "in_use"
	connIdle    connState = "idle"
)

// waitCause is what a request waits for; see cover.
type waitCause string

const (
	forDial     waitCause = "dial"         // one in flight
	forPutOff   waitCause = "dial_put_off" // a connection is expected back sooner
	forBackoff  waitCause = "backoff"      // the pause after dials that failed
	forProbe    waitCause = "probe"        // a dial of another, after a fault of this machine
	forMaxConns waitCause = "max_conns"
	forHost     waitCause = "max_conns_per_host"
	forDials    waitCause = "max_dials_per_host"
	forHTTP2    waitCause = "max_http2_conns_per_host"
	forTurn     waitCause = "turn" // those before it
)

// limitFields are the Transport's, where a limit is what a request waits for.
var limitFields = map[waitCause]string{
	forMaxConns: "MaxConns",
	forHost:     "MaxConnsPerHost",
	forDials:    "MaxDialsPerHost",
	forHTTP2:    "MaxHTTP2ConnsPerHost",
}

// seconds are a duration, to the millisecond in JSON.
type seconds time.Duration

// MarshalJSON is for encoding/json.
func (s seconds) MarshalJSON() ([]byte, error) {
	d := time.Duration(s).Round(time.Millisecond)
	return strconv.AppendFloat(nil, d.Seconds(), 'f', -1, 64), nil
}

func since(now, then time.Time) seconds { return seconds(max(0, now.Sub(then))) }

// until is nil for never.
func until(now, then time.Time) *seconds {
	if then.IsZero() {
		return nil
	}
	return some(since(then, now))
}

func some[T any](v T) *T { return &v }

// view looks at one host, or at all if only is empty. Totals are of all hosts.
func (t *Transport) view(only string, now time.Time) *view {
	v := &view{
		Schema: 1, Time: now.UTC().Format(time.RFC3339Nano), Shut: t.isClosed(), Totals: viewCounts(t.Stats().HostStats),
		Findings: []finding{}, Hosts: []hostView{}, only: only,
	}
	hosts := t.mostNeedy(only)
	if n := len(hosts); n > maxHostViews {
		v.HostsNotListed = n - maxHostViews
		hosts = hosts[:maxHostViews]
	}
	left := maxConnViewsAll
	for _, h := range hosts {
		if hv := h.view(time.Now(), min(left, maxConnViews)); hv != nil {
			left -= len(hv.Conns)
			v.Hosts = append(v.Hosts, *hv)
		}
	}
	slices.SortStableFunc(v.Hosts, func(a, b hostView) int { return byNeed(a.Counts, b.Counts, a.Name, b.Name) })
	for i := range v.Hosts {
		v.Findings = v.Hosts[i].findings(v.Findings)
	}
	return v
}

// mostNeedy returns the hosts in the order of the page.
func (t *Transport) mostNeedy(only string) []*host {
	if name, err := hostName(only); err == nil {
		only = name // the port may be left out
	}
	needs := map[*host]countsView{}
	var hosts []*host
	for _, h := range t.allHosts() {
		if only != "" && h.name != only {
			continue
		}
		hosts = append(hosts, h)
		h.mu.Lock()
		needs[h] = countsView{Waiting: h.waiting.n, InUse: h.inUse}
		h.mu.Unlock()
	}
	slices.SortFunc(hosts, func(a, b *host) int { return byNeed(needs[a], needs[b], a.name, b.name) })
	return hosts
}

func byNeed(a, b countsView, aName, bName string) int {
	return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(b.InUse, a.InUse), cmp.Compare(aName, bName))
}

// view is of so many connections at most; nil if the host has left the map.
func (h *host) view(now time.Time, conns int) *hostView {
	v := h.copy(now, conns)
	if v == nil {
		return nil
	}
	slices.SortStableFunc(v.Conns, func(a, b connView) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.so(), a.so()))
	})
	v.ask()
	return v
}

// recent is how long a host whose dials failed is shown as such, if none has
// succeeded: nobody may have tried since.
const recent = time.Minute

func (h *host) copy(now time.Time, conns int) *hostView {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone {
		return nil
	}
	var s HostStats
	h.stats(&s)
	v := &hostView{
		Name: h.name, HTTP1Only: h.key.http1, Counts: viewCounts(s),
		Waiters: []waiterView{}, Dials: []dialView{},
		closed: h.counts.closed, dialErr: h.counts.lastDialErr,
	}
	if h.backoff.pause > 0 && now.Sub(h.backoff.until) < recent {
		v.Backoff, v.BackoffLocal = until(now, h.backoff.until), h.backoff.local
	}
	for w := range h.waiting.all {
		if len(v.Waiters) == maxWaiterViews {
			break
		}
		v.Waiters = append(v.Waiters, h.viewWaiter(w, now))
	}
	for d := range h.dials.all {
		if len(v.Dials) == maxDialViews {
			break
		}
		v.Dials = append(v.Dials, dialView{since(now, d.began), d.why, d.n})
	}
	v.Conns = h.viewConns(now, conns)
	v.WaitersNotListed = h.waiting.n - len(v.Waiters)
	v.DialsNotListed = h.dials.n - len(v.Dials)
	v.ConnsNotListed = h.idle.n + h.inUse - len(v.Conns)
	return v
}

// viewConns are those in use for longest, then those idle for longest.
func (h *host) viewConns(now time.Time, most int) []connView {
	all := make([]connView, 0, min(most, h.inUse+h.idle.n))
	shared := map[*conn]bool{}
	for l := range h.leased.all {
		if len(all) == min(most, h.inUse) {
			break
		}
		if l.c.mux != nil {
			if shared[l.c] {
				continue
			}
			shared[l.c] = true
		}
		all = append(all, l.view(now))
	}
	for c := range h.idle.all {
		if len(all) == most {
			break
		}
		v := c.view(now)
		v.State, v.Idle = connIdle, some(since(now, c.since))
		if d := c.idleFor(c.since); d > 0 {
			v.IdleClosesIn = until(now, c.since.Add(d))
		}
		all = append(all, v)
	}
	return all
}

// view is of the connection, whose longest lease l is.
func (l *lease) view(now time.Time) connView {
	v := l.c.view(now)
	v.State, v.InUse = connInUse, some(since(now, l.since))
	if why := l.leaves(now); why != 0 {
		v.State, v.Because = connLeaving, why.String()
	}
	if open := l.open.Load(); open != 0 {
		v.BodyOpen = some(since(now, time.Unix(0, open)))
	}
	return v
}

// leaves says why the connection is for no new request, or zero.
func (l *lease) leaves(now time.Time) closeReason {
	c := l.c
	switch {
	case c.leaving != 0:
		return c.leaving
	case c.tooOld(now):
		return closedTooOld
	case c.mux != nil: // the others have set leaving
		return 0
	case l.want.last, !l.want.keeps():
		return closedAfterRequest
	case c.worn(l.want):
		return closedWorn
	}
	return 0
}

func (c *conn) view(now time.Time) connView {
	v := connView{
		Protocol: "HTTP/1.1", TLS: c.tls != nil || c.h.key.scheme == "https", Age: since(now, c.born),
		Requests: c.served, InFlight: c.leases, Choked: c.choked, RetiresIn: until(now, c.retires), nc: c.nc,
	}
	if c.mux != nil {
		v.Protocol = "HTTP/2"
	}
	if c.mux != nil && c.mux.client == nil {
		v.Protocol = c.tls.NegotiatedProtocol // whose function reads and writes by itself
	} else {
		v.BytesIn, v.BytesOut = some(c.in.Load()), some(c.out.Load())
	}
	if c.most < manyStreams {
		v.MaxInFlight = some(c.most)
	}
	return v
}

func (c *connView) rank() int {
	return slices.Index([]connState{connLeaving, connInUse, connIdle}, c.State)
}

// so is for how long the connection has been idle or in use.
func (c *connView) so() seconds {
	if c.Idle != nil {
		return *c.Idle
	}
	return *c.InUse
}

func (h *host) viewWaiter(w *waiter, now time.Time) waiterView {
	v := waiterView{Waiting: since(now, w.since)}
	used := h.inUse + h.dials.n
	limit := 0
	switch {
	case w.dial != nil:
		v.For, v.Dialing = forDial, some(since(now, w.dial.began))
	case !w.due.IsZero():
		v.For, v.PutOffBy = forPutOff, until(now, w.due)
		if w.due.Equal(h.backoff.until) {
			v.For = forBackoff
		}
	case w.hungry:
		v.For, limit = forMaxConns, w.want.maxConns
	case w.want.maxConnsPerHost > 0 && used >= w.want.maxConnsPerHost:
		v.For, limit = forHost, w.want.maxConnsPerHost
	case w.want.maxDialsPerHost > 0 && h.dials.n >= w.want.maxDialsPerHost:
		v.For, limit = forDials, w.want.maxDialsPerHost
	case h.http2Full(w, now):
		v.For, limit = forHTTP2, w.want.maxHTTP2
	case h.probing():
		v.For = forProbe
	default:
		v.For = forTurn
	}
	if limit > 0 {
		v.Limit = &limit
	}
	return v
}

// ask asks what is not ours, and so not under the lock: connections and errors
// that a function of the user's may have made.
func (v *hostView) ask() {
	if v.dialErr != nil {
		v.LastDialError = shortDialErr(v.dialErr).Error()
	}
	for i := range v.Conns {
		c := &v.Conns[i]
		if c.nc == nil {
			continue
		}
		c.Local, c.Remote = addrText(c.nc.LocalAddr()), addrText(c.nc.RemoteAddr())
		if _, port, err := net.SplitHostPort(c.Local); err == nil {
			if n, err := strconv.Atoi(port); err == nil {
				c.LocalPort = &n
			}
		}
	}
}

func addrText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

func (v *view) json() []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("berth: internal error: " + err.Error())
	}
	return append(b, '\n')
}
