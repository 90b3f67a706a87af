package berth

import (
	"strconv"
	"strings"
	"time"
)

// keepAlive reads a response's Keep-Alive (RFC 2068, section 19.7.1.1, which no
// later RFC has, and which Apache, nginx and Node send): how long the server
// keeps the connection while it is idle, zero if it does not say, and whether it
// takes more requests on it.
//
// A request that is sent as the server closes is lost, or has to be made again.
// So a second is taken off, or half the time where that is less.
func keepAlive(lists []string) (keep time.Duration, more bool) {
	more = true
	for _, list := range lists {
		for part := range strings.SplitSeq(list, ",") {
			name, value, _ := strings.Cut(part, "=")
			n, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 31)
			if err != nil {
				continue
			}
			switch name = strings.Trim(name, " \t"); {
			case strings.EqualFold(name, "timeout"):
				keep = max(time.Duration(n)*time.Second-time.Second, time.Duration(n)*time.Second/2)
				more = more && n > 0
			case strings.EqualFold(name, "max"):
				more = more && n > 0
			}
		}
	}
	return keep, more
}
