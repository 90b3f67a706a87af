package diagnose

import "fmt"

// twBucketOverflow finds that the kernel makes no more TIME_WAITs. The ports are free at once, then, but so are
// late segments of a dead connection to hit the next one, and what is counted here is too low.
//
// The counter of overflows is since boot: it says that it happened, and only a full table says that it does.
func twBucketOverflow(s *scene) []Finding {
	if s.TWBuckets <= 0 || s.TWOverflow == 0 || percent(s.TWCount, s.TWBuckets) < bucketsFull {
		return nil
	}
	return []Finding{{
		Level:   Slow,
		What:    "the kernel has no room for more sockets in TIME_WAIT, and closes connections without it",
		Because: fmt.Sprintf("%s of %s (net.ipv4.tcp_max_tw_buckets) are there, and %s were not made since boot: the rates here are too low, and a late segment may reach the next connection on its port", Count(s.TWCount), Count(s.TWBuckets), Count(int(s.TWOverflow))),
		Do: []string{
			"close fewer connections: " + ShareOneClient,
			"or " + s.run(fmt.Sprintf("sysctl -w net.ipv4.tcp_max_tw_buckets=%d", 2*s.TWBuckets)),
		},
	}}
}

// bucketsFull is when the table is full but for those that ended since: percent.
const bucketsFull = 95
