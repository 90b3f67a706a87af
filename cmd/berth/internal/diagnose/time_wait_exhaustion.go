package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// timeWaitExhaustion finds a destination whose ports run out, or have, because this side closes its
// connections. One that is past half and stays there is past-the-cliff's.
func timeWaitExhaustion(s *scene) []Finding {
	return s.each(func(d *ports.Destination) (Finding, bool) {
		if !wastes(d) || s.boundOnes(d) {
			return Finding{}, false
		}
		return Finding{
			Level:   LevelOf(d),
			What:    fmt.Sprintf("the ports %s run out: %s", pair(d), Fullness(d)),
			Because: wasteFacts(s, d),
			Do:      wasteDo(s, d),
		}, true
	})
}

// ShareOneClient is what cures it in any language. Where the language is known, there is a better sentence.
const ShareOneClient = "share one client with a pool that keeps as many idle connections as there are requests at once"

// wastes reports whether connections that this side closed are what eats the ports of d, until there are none.
func wastes(d *ports.Destination) bool {
	closed := closedHere(d.States)
	if closed == 0 || LevelOf(d) == OK {
		return false
	}
	toTheEnd := runsOut(d) || LevelOf(d) >= Critical
	return toTheEnd && (2*closed >= d.Held || d.Free > 0 && runsOut(d) && closesFaster(d))
}

// closesFaster reports whether a forecast comes from what is closed, and not from what is left open.
func closesFaster(d *ports.Destination) bool { return d.Rate > d.Opened[ports.Steps-1] }

// closedHere are the connections that this side has closed.
func closedHere(states map[sock.State]int) int { return states[sock.TimeWait] + halfClosed(states) }

// halfClosed are those of them that the other side has not closed too, or not acknowledged.
func halfClosed(states map[sock.State]int) int {
	return states[sock.FinWait1] + states[sock.FinWait2] + states[sock.Closing] + states[sock.LastAck]
}

// AllClosed reports whether no connection to d is left that this side has not closed.
func AllClosed(d *ports.Destination) bool { return closedHere(d.States) == d.Held }

// mostlyHalfClosed reports whether most of what this side closed waits for the server.
func mostlyHalfClosed(d *ports.Destination) bool {
	return halfClosed(d.States) > d.States[sock.TimeWait]
}

func wasteDo(s *scene, d *ports.Destination) []string {
	if !mostlyHalfClosed(d) {
		return append([]string{ShareOneClient, findCall(d)}, relief(s)...)
	}
	do := []string{"let the server close its side when it reads the end of the stream, or after an idle time", ShareOneClient}
	if s.Last-s.First+1 < defaultRange { // tcp_tw_reuse lends no such port
		do = append(do, s.widen())
	}
	return do
}

// findCall is the command that says which call opens the connections, and why they are not kept.
func findCall(d *ports.Destination) string {
	whose := "--all"
	if len(d.Owners) > 0 {
		busiest := slices.MaxFunc(d.Owners, func(a, b ports.Owner) int { return cmp.Compare(a.Sockets, b.Sockets) })
		whose = fmt.Sprintf("--pid %d", busiest.PID)
	}
	return fmt.Sprintf("to find the call: sudo berth trace %s --dest %s", whose, d.Destination)
}

func wasteFacts(s *scene, d *ports.Destination) string {
	if mostlyHalfClosed(d) {
		return fmt.Sprintf("of the %s that are held, %s are of connections that this side closed, and the server does not close its side (FIN_WAIT_2 and its like), and %s are in TIME_WAIT",
			Plural(d.Held, "port"), Count(halfClosed(d.States)), Count(d.States[sock.TimeWait]))
	}
	held := fmt.Sprintf("%s of the %s that are held are in TIME_WAIT", Count(d.States[sock.TimeWait]), Plural(d.Held, "port"))
	if d.Rate <= 0 {
		return held + ": this side closed those connections, and each keeps its port for " + About(s.TimeWait)
	}
	return fmt.Sprintf("%s: this side closes %s connections a second to this destination, each keeps its port for %s, and the ports last for %s a second",
		held, PerSecond(d.Rate), About(gone(s, d)), PerSecond(d.Wall))
}

// gone is how long a closed connection keeps its port from this destination: less than TIME_WAIT where the
// kernel lends the port before it ends.
func gone(s *scene, d *ports.Destination) time.Duration {
	if s.lends(d) && s.TWDelay > 0 {
		return min(s.TWDelay, s.TimeWait)
	}
	return s.TimeWait
}

// lends reports whether tcp_tw_reuse lends ports in TIME_WAIT to a destination.
func (s *scene) lends(d *ports.Destination) bool {
	loopback := d.Source.IsLoopback() || d.Destination.Addr().IsLoopback()
	return s.Timestamps && (s.TWReuse == 1 || s.TWReuse == 2 && loopback)
}

// relief is what gains time where the program cannot be changed now.
func relief(s *scene) (do []string) {
	if s.TWReuse != 1 && s.Timestamps {
		do = append(do, "to gain time: "+s.run("sysctl -w net.ipv4.tcp_tw_reuse=1")+" (lends a port in TIME_WAIT again after a second, where both ends use timestamps)")
	}
	if s.Last-s.First+1 < defaultRange {
		do = append(do, s.widen())
	}
	return do
}
