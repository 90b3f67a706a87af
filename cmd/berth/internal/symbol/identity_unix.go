//go:build unix

package symbol

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// identity is the device and inode of a file.
func identity(info os.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	return ""
}

// openRegular opens a file that somebody else may have put there: a link or a pipe is none.
func openRegular(name string) (*os.File, error) {
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if !isLink(name) {
		flags |= syscall.O_NOFOLLOW
	}
	f, err := os.OpenFile(name, flags, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, &os.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	return f, nil
}

// isLink reports whether a name is one of the kernel's own links: /proc/PID/exe, and those in map_files.
func isLink(name string) bool {
	return strings.HasPrefix(name, "/proc/") && (strings.HasSuffix(name, "/exe") || strings.Contains(name, "/map_files/"))
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
