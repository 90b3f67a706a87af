package netlab

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Config says what the namespace looks like when the test's body starts. Its zero value is loopback alone,
// the kernel's default port range, and no reuse of TIME_WAIT ports.
type Config struct {
	// Range is net.ipv4.ip_local_port_range, which IPv6 obeys too. If zero, the kernel's default stays.
	Range Range

	// TWReuse is net.ipv4.tcp_tw_reuse: 0 never lends a port in TIME_WAIT, which is what a destination
	// beyond loopback sees by default; 2, the kernel's default, lends it on loopback after a second.
	TWReuse int

	// Sysctls are any others, such as "net.ipv4.tcp_timestamps": "0". They win over the fields above.
	Sysctls map[string]string
}

// sysctls are all that cfg sets, by name.
func (c Config) sysctls() map[string]string {
	all := map[string]string{"net.ipv4.tcp_tw_reuse": strconv.Itoa(c.TWReuse)}
	if c.Range != (Range{}) {
		all["net.ipv4.ip_local_port_range"] = fmt.Sprintf("%d %d", c.Range.Lo, c.Range.Hi)
	}
	maps.Copy(all, c.Sysctls)
	return all
}

// Run runs body in a network namespace of its own: in a child process, which is this test binary run again
// for this one test, because a namespace that one thread unshares does not hold for the goroutines that net
// dials on. Loopback is up, and cfg is in force, before body starts.
//
// What the child says is logged here, and the test passes, fails or skips as it did there. Code before Run
// runs in both processes, so Run is best the first and only statement of a test. There is one Run a test;
// further ones stand in subtests of their own, and none inside a body.
//
// Without the privilege to make a namespace (CAP_SYS_ADMIN) the test is skipped with the reason, and fails
// where the environment says CI=true. On other systems than Linux it is always skipped.
func Run(t *testing.T, cfg Config, body func(t *testing.T)) {
	t.Helper()
	once(t)
	switch os.Getenv(childEnv) {
	case "":
		runChild(t)
	case t.Name():
		inChild(t, cfg, body)
	default:
		t.Fatal("netlab.Run inside the body of another")
	}
}

// childEnv holds, in a child, the name of the test that it was started for.
const childEnv = "BERTH_NETLAB_TEST"

// running holds the tests that are in Run. A child is told which test to run but not which call in it.
var running sync.Map

func once(t *testing.T) {
	t.Helper()
	if _, twice := running.LoadOrStore(t.Name(), true); twice {
		t.Fatal("a second netlab.Run in one test: give it a subtest of its own")
	}
	t.Cleanup(func() { running.Delete(t.Name()) })
}

// pattern is the -test.run expression that matches this test alone, for a subtest too.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}
