package berth

import (
	"context"
	"net"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"time"
)

// A Resolver finds the addresses of a name. *net.Resolver is one. They are tried
// in its order, but for those of one family and RFC 6724 rank that follow each
// other. It is called from several goroutines at once.
type Resolver interface {
	// LookupNetIP is called with "ip" for the network.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// answer is what a host's name resolved to last, guarded by the host's mutex.
type answer struct {
	ips    []netip.Addr
	at     time.Time
	dialer *dialer // whose Resolver and ResolveInterval they were
	name   string
	ctx    context.Context    // of the look-up under way
	cancel context.CancelFunc // ends it; nil if there is none
}

// resolve returns the addresses of a name: the last answer, if it is younger than
// ResolveInterval, or else a new one.
func (a *attempt) resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	if ips := a.h.answered(name, a.net, time.Now()); ips != nil {
		return ips, nil
	}
	ips, err := a.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	if a.h != nil && a.net.interval() > 0 {
		var do todo
		a.h.resolved(a.dialer, name, ips, time.Now(), &do)
		a.t.act(a.h, &do)
	}
	return ips, nil
}

// lookup asks the Resolver, and tells the request's trace.
func (d *dialer) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	var resolver Resolver = net.DefaultResolver
	if d.net != nil && d.net.resolver != nil {
		resolver = d.net.resolver
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.DNSStart != nil {
		trace.DNSStart(httptrace.DNSStartInfo{Host: name})
	}
	ips, err := lookUp(untraced(ctx), resolver, name)
	ips = slices.Clone(ips)
	for i, ip := range ips {
		ips[i] = ip.Unmap()
	}
	ips = slices.DeleteFunc(ips, func(ip netip.Addr) bool { return !ip.IsValid() })
	if err == nil && len(ips) == 0 {
		err = &net.DNSError{Err: "no address", Name: name, IsNotFound: true}
	}
	if trace != nil && trace.DNSDone != nil {
		trace.DNSDone(httptrace.DNSDoneInfo{Addrs: ipAddrs(ips), Err: err})
	}
	return ips, err
}

// lookUp asks a net.Resolver for what net.Dialer asks it for: its LookupNetIP knows
// no zones.
func lookUp(ctx context.Context, r Resolver, name string) (ips []netip.Addr, err error) {
	std, ok := r.(*net.Resolver)
	if !ok {
		return r.LookupNetIP(ctx, "ip", name)
	}
	addrs, err := std.LookupIPAddr(ctx, name)
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			ips = append(ips, ip.WithZone(a.Zone))
		}
	}
	return ips, err
}

func ipAddrs(ips []netip.Addr) []net.IPAddr {
	var out []net.IPAddr
	for _, ip := range ips {
		out = append(out, net.IPAddr{IP: ip.AsSlice(), Zone: ip.Zone()})
	}
	return out
}

// untraced hides the request's trace from a look-up, whose own connections, to a
// name server, are not the request's.
func untraced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(traceless{ctx}, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) {}, // one hook at least, or package net sees the old ones
	})
}

type traceless struct{ context.Context }

func (c traceless) Value(key any) any {
	v := c.Context.Value(key)
	if _, ok := v.(*httptrace.ClientTrace); ok {
		return nil
	}
	return v
}

// answered returns the last answer if it is younger than ResolveInterval, or nil.
func (h *host) answered(name string, n *network, now time.Time) []netip.Addr {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answer.dialer != nil && h.answer.dialer.net != n {
		h.answer.dialer = nil // fields have changed
	}
	if h.answer.dialer == nil || h.answer.name != name || now.Sub(h.answer.at) >= n.interval() {
		return nil
	}
	return h.answer.ips
}

// resolved brings an answer. Connections to addresses that it does not have take
// no new request.
func (h *host) resolved(d *dialer, name string, ips []netip.Addr, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resolvedLocked(d, name, ips, now, do)
}

func (h *host) resolvedLocked(d *dialer, name string, ips []netip.Addr, now time.Time, do *todo) {
	if h.gone || h.shut {
		return
	}
	h.answer.ips, h.answer.at, h.answer.dialer, h.answer.name = ips, now, d.detached(), name
	do.resolve, do.resolveAt = d.net.interval(), now
	for c := range h.idle.all {
		if h.answer.lacks(c) {
			h.dropIdle(c, closedMoved, now, do)
		}
	}
	for l := range h.leased.all {
		if c := l.c; c.leaving == 0 && h.answer.lacks(c) {
			c.leaving = closedMoved
			if c.mux != nil {
				h.strand(c, now, do)
			}
		}
	}
	h.coverAll(now, do)
	do.empty = h.empty(now)
}

// lacks reports whether c's address is none of the name's any more.
func (a *answer) lacks(c *conn) bool {
	return c.berth != nil && !slices.Contains(a.ips, c.berth.of.addr.Addr())
}

// resolveDue returns what is to be looked up again now, if it is, or when.
func (h *host) resolveDue(now time.Time) (look *answer, next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := &h.answer
	if a.dialer == nil || a.cancel != nil || h.gone || h.shut || h.idle.n+h.inUse == 0 {
		return nil, next // one that is under way says when the next is
	}
	if next = a.at.Add(a.dialer.net.interval()); next.After(now) {
		return nil, next
	}
	a.ctx, a.cancel = context.WithTimeout(context.Background(), lookupTime)
	own := *a
	return &own, time.Time{}
}

// lookupTime limits a look-up that no request waits for.
const lookupTime = 10 * time.Second

// resolveAgain looks up the names whose ResolveInterval is over. Of hosts without
// a connection it is left to the next dial.
func (t *Transport) resolveAgain() {
	now := time.Now()
	t.names.next.Store(0)
	var next time.Time
	for _, h := range t.allHosts() {
		look, at := h.resolveDue(now)
		if look != nil {
			go t.refresh(h, look)
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if !next.IsZero() {
		t.names.expect(t, (*Transport).resolveAgain, now, max(next.Sub(now), sweepGap))
	}
}

// refresh looks up a name. If that fails, what was known holds on.
func (t *Transport) refresh(h *host, look *answer) {
	ips, err := look.dialer.lookup(look.ctx, look.name)
	look.cancel() // frees its timer
	var do todo
	h.refreshed(look, ips, err, time.Now(), &do)
	t.act(h, &do)
}

func (h *host) refreshed(look *answer, ips []netip.Addr, err error, now time.Time, do *todo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer.ctx, h.answer.cancel = nil, nil
	switch {
	case h.gone || h.shut || h.answer.dialer == nil || h.answer.dialer.net != look.dialer.net:
	case err == nil:
		h.resolvedLocked(look.dialer, look.name, ips, now, do)
	default:
		h.answer.at = now // for dials too: they would fail as this did
		do.resolve, do.resolveAt = look.dialer.net.interval(), now
	}
}
