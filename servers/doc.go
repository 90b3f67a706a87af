// Package servers tests berth.Transport against real servers: nginx, apache2,
// haproxy, Node, and Go's net/http in a process of its own. It has tests only.
//
//	GOWORK=off go test ./...
//
// The servers are Debian's packages nginx, apache2, haproxy and nodejs. A test
// whose server is missing is skipped, or fails where CI=true is set. It starts
// the server itself, on a free port of 127.0.0.1, with a configuration in a
// folder of its own, and ends that process and no other.
//
// Each test makes the same load with net/http's Transport and with berth's, and
// compares what became of the requests. What it says of every server:
//
//   - Each answer is its request's own, and each request ends.
//   - No request that must not be repeated reaches the server twice, and none
//     more often than it was tried.
//   - A request that net/http's rules would have saved is not lost: when idle
//     connections time out as it comes, when the server is killed, restarted,
//     told to reload, or says by "Connection: close" or GOAWAY that a connection
//     ends.
//   - An upload that is refused early has the server's answer for its result, as
//     often as with net/http.
//   - After the load no request holds a connection, and after Close none is open.
//
// Over HTTP/1 every failed request is held against net/http's rules. Over HTTP/2
// they say less of it, and the failures are counted: where net/http has none,
// there must be none.
package servers
