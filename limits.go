package berth

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Reuse says which idle connection a request gets.
type Reuse int

const (
	// LIFO takes the one that was used last, so that those that are not needed
	// grow idle and leave.
	LIFO Reuse = iota

	// FIFO takes the one that has been idle for longest, so that requests spread
	// over the connections, and so over the servers behind a balancer.
	FIFO
)

// String is LIFO or FIFO.
func (r Reuse) String() string {
	switch r {
	case LIFO:
		return "LIFO"
	case FIFO:
		return "FIFO"
	}
	return fmt.Sprintf("Reuse(%d)", int(r))
}

// Limits are those of one host, each in place of the Transport's field of the
// same name. Zero leaves that as it is, negative is no limit (of
// MaxIdleConnsPerHost: keeps none, as there; of MinIdleConnsPerHost: needs none).
type Limits struct {
	MaxConnsPerHost      int
	MaxIdleConnsPerHost  int
	MinIdleConnsPerHost  int
	MaxHTTP2ConnsPerHost int
	MaxDialsPerHost      int
	MaxWaiting           int
}

// limited returns what a request wants under the host's own limits.
func (h *host) limited(w *want) *want {
	switch {
	case h.limits == nil, w == h.under[1]:
		return w
	case w != h.under[0]:
		own := *w
		h.limits.apply(&own)
		h.under = [2]*want{w, &own}
	}
	return h.under[1]
}

func (l *Limits) apply(w *want) {
	for _, f := range []struct {
		to   *int
		from int
	}{
		{&w.maxConnsPerHost, l.MaxConnsPerHost},
		{&w.maxIdlePerHost, l.MaxIdleConnsPerHost},
		{&w.minIdle, l.MinIdleConnsPerHost},
		{&w.maxHTTP2, l.MaxHTTP2ConnsPerHost},
		{&w.maxDialsPerHost, l.MaxDialsPerHost},
		{&w.maxWaiting, l.MaxWaiting},
	} {
		if f.from != 0 {
			*f.to = f.from
		}
	}
}

// SetHostLimits sets the limits of one host, before its first request or later.
// The host is named as in Stats, scheme://host:port, with " via proxy" behind it
// where it is reached through one; the port may be left out where it is the
// scheme's. Zero Limits are the Transport's again, for requests that begin after.
//
// Limits that are raised let requests go on that wait. Those that are lowered
// close what is idle at once and what is in use when it comes back: no request is
// cut short.
func (t *Transport) SetHostLimits(host string, l Limits) error {
	name, err := hostName(host)
	if err != nil {
		return err
	}
	t.mu.Lock()
	if t.limits == nil {
		t.limits = map[string]*Limits{}
	}
	set := &l
	if l == (Limits{}) {
		set = nil
		delete(t.limits, name)
	} else {
		t.limits[name] = set
	}
	t.mu.Unlock()
	for _, h := range t.allHosts() {
		if h.name != name {
			continue
		}
		var do todo
		h.limit(set, time.Now(), &do)
		t.act(h, &do)
	}
	return nil
}

// hostName returns a host's name as Stats has it.
func hostName(name string) (string, error) {
	direct, proxy, proxied := strings.Cut(name, " via ")
	if proxied && direct == "http://*" {
		return name, nil
	}
	u, err := url.Parse(direct)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.User != nil) {
		err = fmt.Errorf("it is to be scheme://host:port")
	}
	if err != nil {
		return "", fmt.Errorf("berth: no host has the name %q: %w", name, err)
	}
	name = u.Scheme + "://" + canonicalAddr(u)
	if proxied {
		name += " via " + proxy
	}
	return name, nil
}

// limit sets the host's own limits, or with nil the Transport's again.
func (h *host) limit(l *Limits, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limits, h.under = l, [2]*want{}
	for w := range h.waiting.all {
		w.want = h.limited(w.want)
	}
	if l != nil {
		h.drain(l, now, do)
	}
	h.coverAll(now, do)
	do.empty = h.empty(now)
}

// drain closes what is above the limits and idle, the longest idle first, and
// has connections of HTTP/2 that are above them take no more requests.
func (h *host) drain(l *Limits, now time.Time, do *todo) {
	for c := range h.idle.all {
		over := l.MaxConnsPerHost > 0 && h.conns() > l.MaxConnsPerHost
		if over || l.MaxIdleConnsPerHost > 0 && h.idle.n > l.MaxIdleConnsPerHost || l.MaxIdleConnsPerHost < 0 {
			h.dropIdle(c, closedOverLimit, now, do)
		}
	}
	over := h.conns() - l.MaxConnsPerHost
	for c := range h.shared.all {
		if l.MaxConnsPerHost > 0 && over > 0 && c.leaving == 0 {
			c.leaving = closedOverLimit
			over--
		}
	}
}
