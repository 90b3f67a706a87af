package procfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A Search is what a look at the processes' descriptors did not see.
type Search struct {
	Hidden  int // processes whose descriptors we may not look at
	Sampled int // processes with so many descriptors that only a part was looked at
}

// maxFiles is how many descriptors of one process are looked at. Each takes about a microsecond.
const maxFiles = 1 << 16

// Sockets calls visit for each socket that a process has open, with the socket's inode. A process of another
// user is hidden, unless we are root. It stops early when ctx is done.
func (f FS) Sockets(ctx context.Context, visit func(pid int, inode uint32)) (s Search, err error) {
	pids, err := f.pids()
	if err != nil {
		return s, err
	}
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		one := f.SocketsOf(pid, visit)
		s.Hidden += one.Hidden
		s.Sampled += one.Sampled
	}
	return s, nil
}

// pids are the processes, the oldest first: a socket that several hold is the first one's.
func (f FS) pids() ([]int, error) {
	d, err := os.Open(f.root)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// SocketsOf is Sockets for one process.
func (f FS) SocketsOf(pid int, visit func(pid int, inode uint32)) (s Search) {
	dir := f.path(strconv.Itoa(pid), "fd")
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		s.Hidden = 1
	}
	if err != nil { // else it has ended
		return s
	}
	defer d.Close()
	names, err := d.Readdirnames(maxFiles)
	if errors.Is(err, fs.ErrPermission) {
		s.Hidden = 1
	}
	if len(names) == maxFiles {
		s.Sampled = 1
	}
	for _, name := range names {
		link, err := os.Readlink(dir + "/" + name)
		if errors.Is(err, fs.ErrPermission) { // the folder may be open, and what is in it not
			s.Hidden = 1
			return s
		}
		if inode, ok := socketInode(link); ok && err == nil {
			visit(pid, inode)
		}
	}
	return s
}

// socketInode reads socket:[4711].
func socketInode(link string) (uint32, bool) {
	s, ok := strings.CutPrefix(link, "socket:[")
	if !ok || !strings.HasSuffix(s, "]") {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	return uint32(n), err == nil
}
