// Package procfs reads what /proc tells of a Linux machine: the settings that govern local ports, and the
// processes that hold sockets. It reads below a root directory, so that it can be tested on a recorded one.
package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// An FS is a proc file system. Its zero value is of no use: At("/proc") is this machine's.
type FS struct{ root string }

// At returns the file system that is mounted at the root.
func At(root string) FS { return FS{root} }

func (f FS) path(elem ...string) string {
	return filepath.Join(append([]string{f.root}, elem...)...)
}

// read returns a file's text without the newline.
func (f FS) read(elem ...string) (string, error) {
	b, err := os.ReadFile(f.path(elem...))
	return strings.TrimSpace(string(b)), err
}

// Kernel is the kernel's release, such as 6.18.0.
func (f FS) Kernel() (string, error) { return f.read("sys", "kernel", "osrelease") }

// Settings are what governs the ports of the calling thread's network namespace.
type Settings struct {
	First, Last int
	Reserved    []Range // within and beyond the range
	TWReuse     int
	TWDelay     time.Duration
	TWBuckets   int
	Timestamps  bool
	TWOverflow  int64 // since the namespace began

	Conntrack, ConntrackMax int // 0 where there is no connection tracking
}

// A Range is a stretch of ports, both ends included.
type Range struct{ First, Last int }

// Settings reads them. What a kernel or a container does not have gets its default, and, where the default is a
// guess, a sentence in missing. Only without the range is there an error.
func (f FS) Settings() (s Settings, missing []string, err error) {
	r, err := f.read("sys", "net", "ipv4", "ip_local_port_range")
	if err != nil {
		return s, nil, err
	}
	if _, err := fmt.Sscan(r, &s.First, &s.Last); err != nil {
		return s, nil, fmt.Errorf("ip_local_port_range is %q: %w", r, err)
	}
	if s.First < 1 || s.Last > 65535 || s.First > s.Last {
		return s, nil, fmt.Errorf("ip_local_port_range is %q, which is no range of ports", r)
	}
	if s.Reserved, err = f.reserved(); err != nil {
		missing = append(missing, fmt.Sprintf("the reserved ports could not be read, and are taken for none: %v", err))
	}
	if s.TWReuse, err = f.number("tcp_tw_reuse"); err != nil {
		s.TWReuse = 2
		missing = append(missing, fmt.Sprintf("tcp_tw_reuse could not be read, and is taken for 2: %v", err))
	}
	s.TWDelay = f.reuseDelay()
	s.Timestamps = f.numberOr("tcp_timestamps", 1) != 0
	s.TWBuckets = f.numberOr("tcp_max_tw_buckets", 0)
	if s.TWOverflow, err = f.overflow(); err != nil {
		missing = append(missing, fmt.Sprintf("the counter of TIME_WAITs that were not made could not be read: %v", err))
	}
	s.Conntrack, s.ConntrackMax = f.conntrack()
	return s, missing, nil
}

// number reads a setting of net.ipv4.
func (f FS) number(name string) (int, error) {
	s, err := f.read("sys", "net", "ipv4", name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(s)
}

func (f FS) numberOr(name string, otherwise int) int {
	n, err := f.number(name)
	if err != nil {
		return otherwise
	}
	return n
}

// reuseDelay is a second in kernels before 6.14, which have no setting for it.
func (f FS) reuseDelay() time.Duration {
	return time.Duration(f.numberOr("tcp_tw_reuse_delay", 1000)) * time.Millisecond
}

func (f FS) reserved() ([]Range, error) {
	s, err := f.read("sys", "net", "ipv4", "ip_local_reserved_ports")
	if err != nil {
		return nil, err
	}
	return parseRanges(s)
}

// parseRanges reads 8080,9148-9150.
func parseRanges(s string) (all []Range, err error) {
	if s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		lo, err1 := strconv.ParseUint(first, 10, 16)
		hi, err2 := strconv.ParseUint(last, 10, 16)
		if err := errors.Join(err1, err2); err != nil || lo > hi {
			return nil, fmt.Errorf("%q is no list of ports", s)
		}
		all = append(all, Range{int(lo), int(hi)})
	}
	return all, nil
}

// overflow reads the counter of TIME_WAITs that were not made.
func (f FS) overflow() (int64, error) {
	s, err := f.readNet("netstat")
	if err != nil {
		return 0, err
	}
	return counter(s, "TcpExt:", "TCPTimeWaitOverflow")
}

// readNet reads a file of the thread's namespace: /proc/net would be that of the process's first thread, which
// may be in another. Before Linux 3.17 there is no other.
func (f FS) readNet(name string) (string, error) {
	s, err := f.read("thread-self", "net", name)
	if errors.Is(err, fs.ErrNotExist) {
		return f.read("net", name)
	}
	return s, err
}

// InUse is how many TCP sockets there are in the thread's namespace, without those in TIME_WAIT.
func (f FS) InUse() (int, error) {
	s, err := f.readNet("sockstat")
	if err != nil {
		return 0, err
	}
	v4, err := inUse(s, "TCP:")
	if err != nil {
		return 0, err
	}
	s, err = f.readNet("sockstat6")
	if errors.Is(err, fs.ErrNotExist) { // no IPv6
		return v4, nil
	}
	if err != nil {
		return 0, err
	}
	v6, err := inUse(s, "TCP6:")
	return v4 + v6, err
}

// inUse reads a line such as TCP: inuse 5 orphan 0 tw 2.
func inUse(sockstat, name string) (int, error) {
	if fields := strings.Fields(field(sockstat, name)); len(fields) > 1 && fields[0] == "inuse" {
		return strconv.Atoi(fields[1])
	}
	return 0, fmt.Errorf("there is no %s inuse", name)
}

// counter finds a number in a table of two lines a group, the names above the numbers.
func counter(table, group, name string) (int64, error) {
	var names []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != group {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, n := range names {
			if n == name && i < len(fields) {
				return strconv.ParseInt(fields[i], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("there is no %s%s", group, name)
}

// conntrack is 0 and 0 where the module is not there, or where it is and tracks nothing.
func (f FS) conntrack() (count, limit int) {
	number := func(name string) int {
		s, _ := f.read("sys", "net", "netfilter", name)
		n, _ := strconv.Atoi(s)
		return n
	}
	return number("nf_conntrack_count"), number("nf_conntrack_max")
}
