//go:build !linux

package berth

// canWatch: there is no watcher here yet, so a goroutine waits on each idle
// connection, as on Linux for those without a descriptor.
const canWatch = false

type watcher struct{}

func (*watcher) add(*Transport, *conn) {}

func (*watcher) remove(*conn) {}
