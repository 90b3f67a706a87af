package diagnose

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// natSuspected finds connects that nobody answers although there are ports here. A NAT gateway whose own ports
// are used up drops the first segment without a word; so do a firewall and a machine that is gone, hence no
// more than a suspicion.
func natSuspected(s *scene) []Finding {
	return s.each(func(d *ports.Destination) (Finding, bool) {
		if !unanswered(d) {
			return Finding{}, false
		}
		return Finding{
			Level:   Slow,
			What:    fmt.Sprintf("connects %s are not answered, and it is not for want of ports here", pair(d)),
			Because: fmt.Sprintf("%s wait for an answer, %s of them have asked more than once, and %s of %s are free here; a NAT gateway without ports, a firewall and a dead server look like this", Plural(d.States[sock.SynSent], "connect"), Count(d.SynRetried), Count(d.Free), Plural(d.Budget, "port")),
			Do: []string{
				"if a NAT is in between, look at its ports: conntrack -S there (insert_failed), ErrorPortAllocation at AWS, SNAT connection count at Azure",
				"see whether the server is reached at all: " + s.run("ss -tnoi state syn-sent dst "+d.Destination.Addr().String()),
			},
		}, true
	})
}

// Fewer unanswered connects are what a lossy network has at any time.
const unansweredLeast = 8

// unanswered reports whether connects pile up. A burst whose answers are on their way does not: only a segment
// that was sent again, a second later, has no answer. Where some are answered, most must not be.
func unanswered(d *ports.Destination) bool {
	return d.Free > 0 && d.SynRetried >= unansweredLeast && 2*d.SynRetried >= d.States[sock.SynSent]
}
