package procfs

import (
	"os"
	"regexp"
	"strconv"
	"strings"
)

// A Process is what /proc tells of one. What could not be read is zero.
type Process struct {
	PID       int
	Command   string   // of comm, at most 15 bytes
	Cmdline   []string // empty for a thread of the kernel
	UID       int      // effective; -1 where it could not be read
	Container string   // its id, from the cgroup
	Files     int      // open descriptors
	FileLimit int      // RLIMIT_NOFILE, soft; 0 is unknown or unlimited
}

// Process reads one. It fails only where there is no such process.
func (f FS) Process(pid int) (Process, error) {
	p := Process{PID: pid, UID: -1}
	dir := strconv.Itoa(pid)
	comm, err := f.read(dir, "comm")
	if err != nil {
		return p, err
	}
	p.Command = comm
	if b, err := os.ReadFile(f.path(dir, "cmdline")); err == nil {
		p.Cmdline = parseCmdline(string(b))
	}
	status, _ := f.read(dir, "status")
	if fields := strings.Fields(field(status, "Uid:")); len(fields) > 1 {
		p.UID, _ = strconv.Atoi(fields[1])
	}
	cgroup, _ := f.read(dir, "cgroup")
	p.Container = container(cgroup)
	limits, _ := f.read(dir, "limits")
	if fields := strings.Fields(field(limits, "Max open files")); len(fields) > 0 {
		p.FileLimit, _ = strconv.Atoi(fields[0])
	}
	p.Files = f.files(dir)
	return p, nil
}

// Thread reads which process a thread is of, and its state, as ps has it: R, S, Z.
func (f FS) Thread(id int) (pid int, state string, err error) {
	status, err := f.read(strconv.Itoa(id), "status")
	if err != nil {
		return 0, "", err
	}
	state, _, _ = strings.Cut(strings.TrimSpace(field(status, "State:")), " ")
	pid, err = strconv.Atoi(strings.TrimSpace(field(status, "Tgid:")))
	return pid, state, err
}

// parseCmdline splits at the zero bytes, of which the last one ends the last argument.
func parseCmdline(s string) []string {
	s = strings.TrimRight(s, "\x00")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\x00")
}

// field is what follows the name at the beginning of a line.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return rest
		}
	}
	return ""
}

// files counts the open descriptors. Since Linux 6.2 the folder's size says how many there are.
func (f FS) files(dir string) int {
	d, err := os.Open(f.path(dir, "fd"))
	if err != nil {
		return 0
	}
	defer d.Close()
	if info, err := d.Stat(); err == nil && info.Size() > 0 && f.root == "/proc" {
		return int(info.Size())
	}
	names, _ := d.Readdirnames(-1)
	return len(names)
}

// Runtimes name a container's cgroup by its id of 64 digits: /docker/ID, docker-ID.scope, libpod-ID.scope,
// kubepods/…/cri-containerd-ID.scope. LXC names it as people do.
var (
	containerID   = regexp.MustCompile(`(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:/|$)`)
	lxcContainer  = regexp.MustCompile(`/lxc(?:\.payload\.|/)([^/\n]+)`)
	shortIDLength = 12 // as people and docker ps write it
)

func container(cgroup string) string {
	for line := range strings.Lines(cgroup) {
		line = strings.TrimSuffix(line, "\n")
		if all := containerID.FindAllStringSubmatch(line, -1); all != nil {
			return all[len(all)-1][1][:shortIDLength]
		}
		if m := lxcContainer.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return ""
}
