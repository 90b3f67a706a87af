// Package berth is a pooled HTTP transport that does not run out of ports: a
// drop-in for http.Transport, with HTTP/1, HTTP/2 and proxies.
//
//	client := &http.Client{Transport: berth.Default()}
//
// A connection that its client closes keeps its local port for 60 seconds, in
// TIME_WAIT. http.Transport keeps two idle connections a host and closes the
// others after every burst (golang/go#13801), so a busy program eats its 28,232
// ports and then fails with "cannot assign requested address". A Transport
// keeps its connections, and makes no more of them than its requests need.
//
// # The model
//
// A host is one destination, such as https://10.0.0.7:443. Each has its idle
// connections, those in use, dials in flight and a queue of requests that wait,
// all under one mutex. A request takes the idle connection that was used last.
// If there is none, it waits in the queue, and whichever comes first serves the
// oldest request there: a connection that comes back, or a dial.
//
// When to dial for a request that waits is decided by the ski-rental rule: if,
// by what the host has seen, a connection comes back sooner than a dial takes,
// the dial is put off for as long as it would take, and dropped if it is not
// needed by then. A burst of short requests dials nothing, a cold start dials
// in parallel, and a request waits at worst twice as long as it had to.
//
// A connection of HTTP/1 belongs to one exchange at a time: its lease. The
// exchange writes and reads in the goroutine of its caller, and gives the
// connection back when the response's body is read to its end, or closed, or
// when something cuts it short: then it is closed. An idle connection has no
// goroutine and no buffer; one watcher for the Transport closes those that
// their server closed, at once.
//
// Three kinds of connections are exceptions: on Linux, those of a type that
// this package can't look into (anything but *net.TCPConn, *net.UnixConn and
// *tls.Conn over these, as a custom DialContext may return), and all
// connections on other systems, have a goroutine and a read buffer while idle;
// and a request that is too large for the write buffer, or whose body is not in
// memory, is written by a second goroutine.
//
// # Where it dials
//
// Where no function of the user's dials, the Transport counts the ports that it
// holds, by destination and by local address: in use, and in TIME_WAIT. A dial
// goes to that address of a name to which there are the fewest connections, from
// that local address which has the most ports left, and does not begin where
// PortReserve would be touched. With ResolveInterval, connections to an address
// that left its name take no more requests. MinIdleConnsPerHost is kept by dials
// that no request waits for.
//
// # HTTP/2
//
// A connection of HTTP/2 has a lease for each stream, as many as its server
// allows. A request takes a stream of the connection in use that has the fewest
// leases; where there is none to spare, it is as with HTTP/1: an idle
// connection, else the queue, where whichever comes first serves it, a stream
// or another connection. What counts for putting a dial off are streams, and a
// dial is for as many requests as its connection will have streams, going by the
// host's last. Limits of connections count connections.
//
// The protocol itself is net/http's: its ClientConn, one a connection, which has
// a goroutine or two of its own. When a server says GOAWAY, is lost to a ping
// (HTTP2.SendPingTimeout), or closes, its connection gets no new request from
// that moment on. What the server says that it did not process is made again by
// net/http's rules.
//
// # What net/http does
//
// HTTP/2, as above. NewClientConn, which only net/http can make, and which is
// outside of the pool, its limits and Stats. What a function in TLSNextProto or
// RegisterProtocol does is its own. All else is this package's.
//
// There is no CancelRequest, which net/http deprecated.
//
// # What differs from http.Transport on purpose
//
// MaxIdleConnsPerHost zero is no limit a host, where http.Transport has 2.
// IdleConnTimeout zero is 90 seconds, where http.Transport has for ever.
// docs/transport.md lists the rest, which is small.
package berth
