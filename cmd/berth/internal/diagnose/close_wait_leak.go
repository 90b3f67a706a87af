package diagnose

import (
	"fmt"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// closeWaitLeak finds connections that the peer closed and this side does not. A pool that looks at its idle
// connections only when it takes one has a few of them, and that is no fault.
func closeWaitLeak(s *scene) []Finding {
	all := s.each(func(d *ports.Destination) (Finding, bool) {
		f := closeWaitFinding(pair(d), d.States[sock.CloseWait], hits(d, sock.CloseWait))
		f.Level = max(f.Level, LevelOf(d))
		return f, closeWaits(d)
	})
	for _, v := range s.services {
		n, hit := v.States[sock.CloseWait], fileLimit(v)
		if n >= closeWaitLeast && (hit.percent >= closeWaitPart || mostWait(v.States)) {
			all = append(all, closeWaitFinding("accepted on "+v.Local.String(), n, hit))
		}
	}
	return all
}

func closeWaitFinding(which string, n int, hit limit) Finding {
	return Finding{
		Level:   hit.level(),
		What:    fmt.Sprintf("connections %s that the peer closed are not closed here%s", which, hit.after()),
		Because: fmt.Sprintf("%s in CLOSE_WAIT: the peer has said its last word, and the program here never calls close", Plural(n, "socket")),
		Do:      []string{CloseWhatThePeerClosed, "or let the pool drop what has been idle for less time than the server keeps it open"},
	}
}

// CloseWhatThePeerClosed is what cures it in any language.
const CloseWhatThePeerClosed = "close the connection, or the response body, on every path, errors and early returns too"

// Fewer than so many are what a pool has that has not looked yet. As many are a leak if they are a part of what
// they will hit, or old, or nearly all there is: the limit of files may be high, and says nothing of a fault.
const (
	closeWaitLeast = 10
	closeWaitPart  = 5                // percent of what they will hit
	closeWaitOld   = 60 * time.Second // without traffic
	closeWaitMany  = 100
	closeWaitMost  = 90 // percent of the open sockets, where there are so many
)

func closeWaits(d *ports.Destination) bool {
	n := d.States[sock.CloseWait]
	return n >= closeWaitLeast && (hits(d, sock.CloseWait).percent >= closeWaitPart || waitsLong(d) || mostWait(d.States))
}

// waitsLong reports whether what has been idle for so long is in CLOSE_WAIT. A pool's idle connections may be as
// old, and the age is of the oldest of both: so they must not be the more.
func waitsLong(d *ports.Destination) bool {
	return d.OldestIdle > closeWaitOld && d.States[sock.CloseWait] > d.Idle
}

// mostWait reports whether hardly a socket is left that the peer has not closed, of those that this side has not.
func mostWait(states map[sock.State]int) bool {
	open := -closedHere(states)
	for _, n := range states {
		open += n
	}
	n := states[sock.CloseWait]
	return n >= closeWaitMany && percent(n, open) >= closeWaitMost
}
