//go:build !berth_nowatch

package berth

import (
	"os"
	"sync"
	"syscall"
)

// canWatch: the watcher sees connections that have a descriptor.
const canWatch = true

// watcher notices that servers close connections that lie idle: such a one
// holds a port in CLOSE_WAIT here and a FIN_WAIT2 there.
//
// It is one goroutine on one epoll for all connections of a Transport. Each is
// added once, edge-triggered and for the end of the stream only, so that data
// never wakes it. The epoll's own descriptor is in the runtime's poller, so the
// goroutine holds no thread. It starts with the first connection and ends, and
// the epoll with it, with the last.
type watcher struct {
	mu     sync.Mutex
	epoll  *os.File // nil while there is nothing to watch
	epfd   int
	conns  map[uint64]*conn // by serial: a descriptor may be another connection's by the time of its event
	serial uint64
}

const epollET = 1 << 31 // syscall.EPOLLET has the sign of a 32-bit int

// add watches c from now on, if it has a descriptor. Where the system refuses,
// the peek before the next lease finds out all the same.
func (w *watcher) add(t *Transport, c *conn) {
	if c.h1.raw == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.epoll == nil && !w.start(t) {
		return
	}
	w.serial++
	ev := syscall.EpollEvent{
		Events: syscall.EPOLLRDHUP | epollET,
		Fd:     int32(uint32(w.serial)),
		Pad:    int32(uint32(w.serial >> 32)),
	}
	var err error
	// Inside Control the descriptor can't be closed and become another's.
	cerr := c.h1.raw.Control(func(fd uintptr) {
		err = syscall.EpollCtl(w.epfd, syscall.EPOLL_CTL_ADD, int(fd), &ev)
	})
	if cerr == nil && err == nil {
		c.serial = w.serial
		w.conns[c.serial] = c
	}
	w.stopIfDone()
}

// remove forgets c. Its close takes the descriptor out of the epoll; one that
// lives on with the caller after an upgrade has its last event ignored.
func (w *watcher) remove(c *conn) {
	if c.h1.raw == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c.serial)
	w.stopIfDone()
}

func (w *watcher) start(t *Transport) bool {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return false
	}
	syscall.SetNonblock(fd, true) // or os.NewFile does not hand it to the poller
	epoll := os.NewFile(uintptr(fd), "epoll")
	raw, err := epoll.SyscallConn()
	if err != nil {
		epoll.Close()
		return false
	}
	w.epoll, w.epfd, w.conns = epoll, fd, map[uint64]*conn{}
	go w.run(t, raw)
	return true
}

// stopIfDone ends the goroutine, by closing what it reads from, when nothing is
// left to watch.
func (w *watcher) stopIfDone() {
	if w.epoll != nil && len(w.conns) == 0 {
		w.epoll.Close()
		w.epoll = nil
	}
}

func (w *watcher) run(t *Transport, raw syscall.RawConn) {
	events := make([]syscall.EpollEvent, 64)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, _ = syscall.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil {
			return // closed
		}
		for _, ev := range events[:n] {
			serial := uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
			w.mu.Lock()
			c := w.conns[serial]
			w.mu.Unlock()
			if c != nil {
				t.hungUp(c)
			}
		}
	}
}
