package netlab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// possible says that this system can do what the package is for, given the privilege.
const possible = true

// A verdict is what the child says of its test, on a pipe of its own: the exit code does not tell a skipped
// test, nor one that never ran, from one that passed.
type verdict string

const (
	passed  verdict = "passed"
	failed  verdict = "failed"
	skipped verdict = "skipped"
)

// verdictFD is the first of the files that exec.Cmd hands down.
const verdictFD = 3

// runChild is Run in the parent.
func runChild(t *testing.T) {
	t.Helper()
	said, out, err := reexec(t)
	switch {
	case errors.Is(err, syscall.EPERM):
		lacking(t, fmt.Errorf("no network namespace: %w", err))
	case said == skipped && err == nil:
		t.Skipf("skipped in its namespace:\n%s", out)
	case said == passed && err == nil:
		t.Logf("in its namespace:\n%s", out)
	case said == "":
		t.Fatalf("in its namespace the test ended without a verdict (%v):\n%s", err, out)
	default:
		t.Fatalf("%s in its namespace (%v):\n%s", said, err, out)
	}
}

// reexec runs this test again in a child, and returns its verdict and all that it printed.
func reexec(t *testing.T) (said verdict, out []byte, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	var both bytes.Buffer
	cmd, err := command(t, w, &both)
	if err == nil {
		err = cmd.Start()
	}
	w.Close() // the child holds the other copy: the pipe ends when it does
	if err != nil {
		return "", nil, err
	}
	b, readErr := io.ReadAll(r)
	err = errors.Join(cmd.Wait(), readErr)
	return verdict(b), bytes.TrimSpace(both.Bytes()), err
}

func command(t *testing.T, verdicts *os.File, out io.Writer) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run="+pattern(t.Name()), "-test.count=1", "-test.v=true",
		fmt.Sprintf("-test.short=%t", testing.Short()), "-test.timeout="+childTimeout(t).String())
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name())
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second // a process that the body left behind may hold our pipe
	cmd.ExtraFiles = []*os.File{verdicts}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return cmd, nil
}

// childTimeout ends the child before this process ends itself, so that its stacks can still be reported.
// Zero is no timeout, as it is for go test.
func childTimeout(t *testing.T) time.Duration {
	deadline, ok := t.Deadline()
	if !ok {
		return 0
	}
	left := time.Until(deadline)
	return max(left-min(left/10, 5*time.Second), time.Millisecond)
}

// inChild is Run in the child, where everything is the namespace's own.
func inChild(t *testing.T, cfg Config, body func(t *testing.T)) {
	t.Helper()
	verdicts := os.NewFile(verdictFD, "verdict")
	syscall.CloseOnExec(verdictFD)
	t.Cleanup(func() { // runs after those that body adds, which may fail the test too
		defer verdicts.Close()
		fmt.Fprint(verdicts, verdictOf(t))
	})
	if err := setUp(cfg); err != nil {
		t.Fatalf("network namespace: %v", err)
	}
	body(t)
}

func verdictOf(t *testing.T) verdict {
	switch {
	case t.Failed():
		return failed
	case t.Skipped():
		return skipped
	}
	return passed
}

func setUp(cfg Config) error {
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	for name, value := range cfg.sysctls() {
		file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
		if err := os.WriteFile(file, []byte(value), 0); err != nil {
			return fmt.Errorf("set %s to %s: %w", name, value, err)
		}
	}
	return nil
}

// loopbackUp does what `ip link set lo up` does, which brings 127.0.0.1 and ::1 with it.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	ifreq := struct { // struct ifreq of linux/if.h
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{name: [syscall.IFNAMSIZ]byte{'l', 'o'}, flags: syscall.IFF_UP}
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&ifreq)))
	if errno != 0 {
		return os.NewSyscallError("ioctl", errno)
	}
	return nil
}
