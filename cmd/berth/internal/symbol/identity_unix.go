//go:build unix

package symbol

import (
	"fmt"
	"os"
	"syscall"
)

// identity tells a file from others, and from what it was before: an inode that is free is soon another file's.
func identity(info os.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d %d %d", s.Dev, s.Ino, info.Size(), info.ModTime().UnixNano())
	}
	return ""
}

// inode is the number of the file of that name, or zero.
func inode(name string) uint64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// sameOwner reports whether a file is the process's, or root's.
func sameOwner(file, process os.FileInfo) bool {
	f, ok1 := file.Sys().(*syscall.Stat_t)
	p, ok2 := process.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && (f.Uid == p.Uid || f.Uid == 0)
}
