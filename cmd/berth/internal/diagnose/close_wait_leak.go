package diagnose

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// closeWaitLeak finds connections that the peer closed and this side does not. A pool that looks at its idle
// connections only when it takes one has a few of them, and that is no fault.
func closeWaitLeak(s *scene) []Finding {
	all := s.each(func(d *ports.Destination) (Finding, bool) {
		f := closeWaitFinding(pair(d), d.States[sock.CloseWait], hits(d, sock.CloseWait))
		return f, closeWaits(d)
	})
	for _, v := range s.services {
		n, hit := v.States[sock.CloseWait], fileLimit(v)
		if n >= closeWaitLeast && hit.percent >= closeWaitPart {
			all = append(all, closeWaitFinding("accepted on "+v.Local.String(), n, hit))
		}
	}
	return all
}

func closeWaitFinding(which string, n int, hit limit) Finding {
	return Finding{
		Level:   hit.level(),
		What:    fmt.Sprintf("connections %s that the peer closed are not closed here: %s", which, hit),
		Because: fmt.Sprintf("%s in CLOSE_WAIT: the peer has said its last word, and the program here never calls close", Plural(n, "socket")),
		Do:      []string{CloseWhatThePeerClosed, "or let the pool drop what has been idle for less time than the server keeps it open"},
	}
}

// CloseWhatThePeerClosed is what cures it in any language.
const CloseWhatThePeerClosed = "close the connection, or the response body, on every path, errors and early returns too"

// Fewer than so many are what a pool has that has not looked yet.
const (
	closeWaitLeast = 10
	closeWaitPart  = 5 // percent of what they will hit
)

func closeWaits(d *ports.Destination) bool {
	n := d.States[sock.CloseWait]
	return n >= closeWaitLeast && hits(d, sock.CloseWait).percent >= closeWaitPart
}
