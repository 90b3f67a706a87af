//go:build linux

package servers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to start, to reload and to end. Only
// what hangs needs it.
const patience = 20 * time.Second

// find returns the path of a server's program. Debian's are where a user's PATH
// may not lead to.
func find(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
		t.Fatalf("CI must be able to run this: no %s", name)
	}
	t.Skipf("no %s here", name)
	return ""
}

// freeAddr is an address that was free a moment ago.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// A process is a server's, with all that it forks: they are one process group.
type process struct {
	cmd    *exec.Cmd
	output string        // the file of what it printed
	exited chan struct{} // closed when it is gone
}

// launch starts a process. It has files as its descriptors 3 and on. Should the
// test die, the kernel ends it. One thread starts it and waits for it, because
// the kernel does so when the thread is gone that started it (golang/go#27505).
func launch(dir string, files []*os.File, env []string, args ...string) (*process, error) {
	out, err := os.CreateTemp(dir, "output")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(args[0], args[1:]...), output: out.Name(), exited: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.ExtraFiles = files
	// SIGTERM, as servers that fork pass it on to what they forked.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait()
			close(p.exited)
		}
	}()
	return p, <-started
}

func (p *process) signal(sig syscall.Signal) { p.cmd.Process.Signal(sig) }

// hears returns when the process handles a signal. haproxy's workers answer
// before its master does: it would not hear of a reload.
func (p *process) hears(sig syscall.Signal) error {
	return poll(func() error {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if err != nil {
			return err
		}
		if !mask(status, "SigCgt", sig) || mask(status, "SigBlk", sig) {
			return fmt.Errorf("%s does not hear %v", p.cmd.Path, sig)
		}
		return nil
	})
}

// mask reports whether one of the masks of proc_pid_status(5) has a signal.
func mask(status []byte, name string, sig syscall.Signal) bool {
	_, rest, _ := strings.Cut(string(status), name+":\t")
	hex, _, _ := strings.Cut(rest, "\n")
	bits, _ := strconv.ParseUint(hex, 16, 64)
	return bits>>(sig-1)&1 == 1
}

// signalAll signals the process and what it forked.
func (p *process) signalAll(sig syscall.Signal) {
	if !p.gone() {
		syscall.Kill(-p.cmd.Process.Pid, sig)
	}
}

func (p *process) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// printed is the end of what the process printed.
func (p *process) printed() string {
	b, _ := os.ReadFile(p.output)
	return string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}

// end asks the process to end, and insists if it does not.
func (p *process) end(ask syscall.Signal) error {
	if !p.gone() {
		p.signal(ask)
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
	}
	p.kill()
	return fmt.Errorf("%s did not end by %v", p.cmd.Path, ask)
}

// kill ends the process and what it forked, without a word to their clients, and
// returns when they are gone.
func (p *process) kill() {
	p.signalAll(syscall.SIGKILL)
	<-p.exited
	poll(func() error { return allAre(p.cmd.Process.Pid, "ZX") })
}

// freeze stops the process and what it forked, and returns when all their
// threads stand still. thaw lets them go on.
func (p *process) freeze() error {
	p.signalAll(syscall.SIGSTOP)
	return poll(func() error { return allAre(p.cmd.Process.Pid, "TZX") })
}

func (p *process) thaw() { p.signalAll(syscall.SIGCONT) }

// allAre fails if a thread of the process group is in none of the states, which
// are those of proc_pid_stat(5).
func allAre(group int, states string) error {
	stats, err := filepath.Glob("/proc/[0-9]*/task/*/stat")
	if err != nil {
		return err
	}
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it is gone
		}
		// pid (name) state parent group
		f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(f) > 2 && f[2] == strconv.Itoa(group) && !strings.Contains(states, f[0]) {
			return fmt.Errorf("%s is in state %s", file, f[0])
		}
	}
	return nil
}

// errNever is for a poll that need not go on.
var errNever = errors.New("it never will")

// poll returns when f does without an error, or with the last one when patience
// ends.
func poll(f func() error) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := f()
		if err == nil || errors.Is(err, errNever) || time.Now().After(end) {
			return err
		}
	}
}
