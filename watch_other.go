//go:build !linux || berth_nowatch

package berth

// canWatch: there is no watcher here yet, so a goroutine waits on each idle
// connection, as on Linux for those without a descriptor. The build tag
// berth_nowatch has Linux do the same, so that its tests cover this.
const canWatch = false

type watcher struct{}

func (*watcher) add(*Transport, *conn) {}

func (*watcher) remove(*conn) {}
