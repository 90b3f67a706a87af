package census

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A place is a network namespace. Its name and file are empty for our own.
type place struct{ name, file string }

// places are those to look at.
type places struct {
	all     []place
	missing []string
}

// named are folders where tools keep namespaces by name.
var named = []string{"/run/netns", "/run/docker/netns"}

func find(o Options) (places, error) {
	switch {
	case o.Namespace == "all":
		return findAll()
	case o.Namespace != "":
		return findOne(o.Namespace)
	case o.PID != 0:
		return findProcess(o.PID)
	}
	return places{all: []place{{}}}, nil
}

// findProcess is for a process that may well be where we are. If that cannot be seen, it is assumed.
func findProcess(pid int) (places, error) {
	p, err := findOne(strconv.Itoa(pid))
	if errors.Is(err, fs.ErrPermission) {
		return places{
			all:     []place{{}},
			missing: []string{fmt.Sprintf("it could not be seen whether process %d is in a network namespace of its own%s", pid, asRoot("it"))},
		}, nil
	}
	return p, err
}

// findOne takes the number of a process, as it is or as nameOf has it, or a name.
func findOne(which string) (places, error) {
	if pid, err := strconv.Atoi(strings.TrimPrefix(which, nameOfProcess)); err == nil {
		file := processFile(pid)
		id, err := identify(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return places{}, fmt.Errorf("there is no process %d", pid)
		case err != nil:
			return places{}, fmt.Errorf("the network namespace of process %d: %w (it needs root)", pid, err)
		}
		return only(id, place{name: names()[id], file: file}, pid)
	}
	for _, dir := range named {
		file := filepath.Join(dir, filepath.Base(which))
		if id, err := identify(file); err == nil {
			return only(id, place{name: which, file: file}, 0)
		}
	}
	return places{}, fmt.Errorf("there is no network namespace %q: give a process, or all", which)
}

func only(id identity, p place, pid int) (places, error) {
	own, err := identify(ownFile)
	if err != nil {
		return places{}, err
	}
	if id == own {
		p = place{}
	} else if p.name == "" {
		p.name = nameOf(pid)
	}
	return places{all: []place{p}}, nil
}

// findAll are the namespaces of all processes, and those with a name that have none. Ours is first.
func findAll() (p places, err error) {
	own, err := identify(ownFile)
	if err != nil {
		return p, err
	}
	p.all = []place{{}}
	seen := map[identity]bool{own: true}
	byID := names()
	hidden := 0
	for _, pid := range processes() {
		file := processFile(pid)
		id, err := identify(file)
		if errors.Is(err, fs.ErrPermission) {
			hidden++
		}
		if err != nil || seen[id] {
			continue
		}
		seen[id] = true
		name := byID[id]
		if name == "" {
			name = nameOf(pid)
		}
		p.all = append(p.all, place{name, file})
	}
	p.all = append(p.all, withoutProcess(seen)...)
	if hidden > 0 {
		p.missing = append(p.missing, fmt.Sprintf("the network namespaces of %s could not be seen%s", plural(hidden, "process", "processes"), asRoot("they")))
	}
	return p, nil
}

func withoutProcess(seen map[identity]bool) (all []place) {
	eachNamed(func(name, file string, id identity) {
		if !seen[id] {
			seen[id] = true
			all = append(all, place{name, file})
		}
	})
	return all
}

const nameOfProcess = "pid "

func nameOf(pid int) string { return nameOfProcess + strconv.Itoa(pid) }

func processFile(pid int) string { return fmt.Sprintf("/proc/%d/ns/net", pid) }

const ownFile = "/proc/thread-self/ns/net"

// An identity tells namespaces apart.
type identity struct{ device, inode uint64 }

func identify(file string) (identity, error) {
	info, err := os.Stat(file)
	if err != nil {
		return identity{}, err
	}
	st := info.Sys().(*syscall.Stat_t)
	return identity{uint64(st.Dev), st.Ino}, nil
}

// names are those that tools gave to namespaces.
func names() map[identity]string {
	all := map[identity]string{}
	eachNamed(func(name, _ string, id identity) { all[id] = name })
	return all
}

func eachNamed(visit func(name, file string, id identity)) {
	for _, dir := range named {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			file := filepath.Join(dir, e.Name())
			if id, err := identify(file); err == nil {
				visit(e.Name(), file, id)
			}
		}
	}
}

func processes() (pids []int) {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// within calls f in the namespace: here, or on a thread that enters it and ends with f, since nobody else should
// ever run there.
func (p place) within(f func() error) error {
	if p.file == "" {
		return f()
	}
	done := make(chan error, 1)
	go onThread(func() {
		err := p.enter()
		if err == nil {
			err = f()
		}
		done <- err
	})
	return <-done
}

// onThread calls f on a thread that ends with it. The process's first thread never ends, and /proc takes its
// namespace for the process's: if we are on it, it is held until another has been found.
func onThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f() // and never unlocked: the thread ends with the goroutine
		return
	}
	found := make(chan struct{})
	go onThread(func() {
		close(found)
		f()
	})
	<-found
	runtime.UnlockOSThread()
}

func (p place) enter() error {
	ns, err := os.Open(p.file)
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace %s: %w (it needs root)", p.name, err)
	}
	return nil
}
