//go:build nethttp_conformance

package berth

// What net/http's own tests look into their Transport for. The module
// conformance builds with this tag.

// IdleConnsForTesting has the connections that a request may be given, as
// "local/remote", by "proxy|scheme|host:port". Those of HTTP/2 are given while in
// use too.
func (t *Transport) IdleConnsForTesting() map[string][]string {
	conns := map[string][]string{}
	for _, h := range t.allHosts() {
		scheme := h.key.scheme
		if h.key.http1 {
			scheme += ",h1"
		}
		key := h.key.proxy + "|" + scheme + "|" + h.key.addr
		h.mu.Lock()
		for _, l := range []*list[conn]{&h.idle, &h.shared} {
			for c := range l.all {
				conns[key] = append(conns[key], c.nc.LocalAddr().String()+"/"+c.nc.RemoteAddr().String())
			}
		}
		h.mu.Unlock()
	}
	return conns
}

// NumPendingRequestsForTesting counts the requests that wait or are in flight.
func (t *Transport) NumPendingRequestsForTesting() int {
	s := t.Stats()
	return s.Waiting + s.InFlight
}
