package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/berth-go/berth/cmd/berth/internal/tracer"
	"github.com/berth-go/berth/internal/netlab"
)

// A client is a program of testdata/clients that waits for a word before it begins.
type client struct {
	*osexec.Cmd
	t      *testing.T
	stdin  io.WriteCloser
	stdout io.Reader
}

func startClient(t *testing.T, program, name, url, n string) *client {
	t.Helper()
	c := &client{Cmd: osexec.Command(program, name, url, n, "wait"), t: t}
	var err error
	if c.stdin, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if c.stdout, err = c.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	return c
}

// work has it do its requests.
func (c *client) work() {
	c.stdin.Write([]byte("\n"))
	if b := make([]byte, 4); must(io.ReadFull(c.stdout, b)) != 4 || string(b) != "done" {
		c.t.Errorf("the client said %q", b)
	}
}

// end ends it, and waits for its end.
func (c *client) end() {
	c.stdin.Close()
	c.Wait()
}

// A tracing is a berth trace that runs beside the test.
type tracing struct {
	stdout, stderr bytes.Buffer
	done           chan int
	cancel         context.CancelFunc
}

func startTrace(t *testing.T, args ...string) *tracing {
	ctx, cancel := context.WithCancel(t.Context())
	tr := &tracing{done: make(chan int), cancel: cancel}
	go func() { tr.done <- exec(ctx, append([]string{"trace"}, args...), nil, &tr.stdout, &tr.stderr) }()
	return tr
}

// TestTraceRunning watches a process that runs, which is told from its neighbour, until somebody presses Ctrl-C.
func TestTraceRunning(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		s := newTraceServer(t)
		program := build(t, "./testdata/clients", "")
		c, neighbour := startClient(t, program, "close-idle-shared", s.url, "50"), startClient(t, program, "raw-dial", s.url, "50")
		tr := startTrace(t, "--json", "--for", "1h", "--pid", fmt.Sprint(c.Process.Pid))
		awaitWatch(t)
		neighbour.work()
		c.work()
		tr.cancel()
		if code := <-tr.done; code != exitOK || tr.stderr.Len() > 0 {
			t.Fatalf("exit code %d, %s", code, tr.stderr.String())
		}
		r := decodeTrace(t, tr.stdout.Bytes())
		if len(r.Groups) != 1 || r.Groups[0].PID != c.Process.Pid || r.Groups[0].Connections < 48 || r.Groups[0].Connections > 50 || r.Groups[0].Command != "orders" {
			t.Errorf("got %s", tr.stdout.String())
		}
		if sites := r.Groups[0].Sites; len(sites) != 1 || sites[0].Function != "main.fetchCloseIdleShared" {
			t.Errorf("opened by %+v", sites)
		}
	})
}

// awaitWatch waits until berth trace watches a Go program: four links for the kernel's events, and three probes.
func awaitWatch(t *testing.T) {
	t.Helper()
	awaitLinks(t, 7)
}

func awaitLinks(t *testing.T, want int) {
	t.Helper()
	awaitLinksOf(t, os.Getpid(), want)
}

func awaitLinksOf(t *testing.T, pid, want int) {
	t.Helper()
	for range 500 {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		n := 0
		for _, l := range links {
			if to, _ := os.Readlink(l); to == "anon_inode:bpf_link" || strings.HasPrefix(to, "anon_inode:bpf-link") {
				n++
			}
		}
		if n >= want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it does not watch")
}

// TestTraceEnds: the watch ends with the process that is watched.
func TestTraceEnds(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		s := newTraceServer(t)
		c := startClient(t, build(t, "./testdata/clients", ""), "good", s.url, "100")
		tr := startTrace(t, "--for", "1h", "--pid", fmt.Sprint(c.Process.Pid), "--dest", "127.0.0.1:9981")
		awaitWatch(t)
		c.work()
		c.end()
		if code := <-tr.done; code != exitOK {
			t.Fatalf("exit code %d, %s", code, tr.stderr.String())
		}
		if text := tr.stdout.String(); !strings.Contains(text, "main.fetchGood (main.go:") || !strings.Contains(text, "reused") {
			t.Errorf("got\n%s", text)
		}
	})
}

// TestTraceSignals: what is sent to berth alone is the command's, which ends as it likes, and the report comes then.
func TestTraceSignals(t *testing.T) {
	netlab.NeedRoot(t)
	berth := build(t, ".", "")
	for sig, code := range map[syscall.Signal]int{syscall.SIGTERM: 3, syscall.SIGINT: 4, syscall.SIGQUIT: 5} {
		var stderr bytes.Buffer
		c := osexec.Command(berth, "trace", "--", "sh", "-c", `trap "exit 3" TERM; trap "exit 4" INT; trap "exit 5" QUIT; echo up; while :; do sleep 0.1; done`)
		c.Stderr = &stderr
		stdout, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if b := make([]byte, 2); must(io.ReadFull(stdout, b)) != 2 {
			t.Fatalf("the command said %q", b)
		}
		for range 2 { // a second Ctrl-C does not end berth
			c.Process.Signal(sig)
		}
		c.Wait()
		if got := c.ProcessState.ExitCode(); got != code || !strings.Contains(stderr.String(), "nothing was connected to") {
			t.Errorf("%v: exit code %d, want %d\n%s", sig, got, code, stderr.String())
		}
	}
}

// TestProcess: only a process that runs can be traced.
func TestProcess(t *testing.T) {
	if err := tracer.Runs(os.Getpid()); err != nil {
		t.Error(err)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range threads {
		tid, _ := strconv.Atoi(e.Name())
		if err := tracer.Runs(tid); tid != os.Getpid() && (err == nil || err.Error() != fmt.Sprintf("%d is a thread: its process is --pid %d", tid, os.Getpid())) {
			t.Errorf("thread %d: %v", tid, err)
		}
	}
	c := osexec.Command("true")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, c.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil { // and it is a zombie now
		t.Fatal(err)
	}
	if err := tracer.Runs(c.Process.Pid); err == nil || err.Error() != fmt.Sprintf("process %d has ended", c.Process.Pid) {
		t.Error(err)
	}
	c.Wait()
	if err := tracer.Runs(c.Process.Pid); err == nil || err.Error() != fmt.Sprintf("there is no process %d", c.Process.Pid) {
		t.Error(err)
	}
}

// TestTraceUnprivileged: what everybody may know, as nobody.
func TestTraceUnprivileged(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t) // to become somebody else
		s := newTraceServer(t)
		program := build(t, "./testdata/clients", "")
		berth := build(t, ".", "")
		open(t, berth)
		var stdout, stderr bytes.Buffer
		c := osexec.Command(berth, "trace", "--json", "--all", "--for", "1h")
		c.Stdout, c.Stderr = &stdout, &stderr
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		awaitListener(t)
		for _, name := range []string{"close-idle-shared", "no-keepalive"} {
			startClient(t, program, name, s.url, "100").work()
		}
		c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil || stderr.Len() > 0 {
			t.Fatalf("%v, %s", err, stderr.String())
		}
		r := decodeTrace(t, stdout.Bytes())
		if r.Tier != "destroy" || len(r.Groups) != 1 {
			t.Fatalf("got\n%s", stdout.String())
		}
		g := r.Groups[0]
		if g.PID != 0 || g.Connections < 195 || g.Connections > 205 || g.ClosedByUs < 95 || g.ClosedByUs+g.ClosedByPeer != g.Connections || g.Requests < 0.9 || g.Requests > 1.1 {
			t.Errorf("got\n%s", stdout.String())
		}
		if !strings.Contains(stdout.String(), "eBPF needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN") {
			t.Errorf("it does not say what is missing:\n%s", stdout.String())
		}
	})
}

// TestTraceCapabilities: three capabilities see as much as root, of programs whose file anybody may read.
func TestTraceCapabilities(t *testing.T) {
	netlab.Run(t, netlab.Config{}, func(t *testing.T) {
		netlab.NeedRoot(t)
		needs(t, "setpriv", "--version")
		s := newTraceServer(t)
		berth := build(t, ".", "")
		open(t, berth)
		for _, readable := range []bool{false, true} {
			program := build(t, "./testdata/clients", "")
			if !readable {
				os.Chmod(program, 0o700)
			}
			c := startClient(t, program, "close-idle-shared", s.url, "50")
			g, missing := traceAsNobody(t, berth, c, readable)
			if g.Connections < 48 || g.Connections > 50 {
				t.Errorf("%d connections", g.Connections)
			}
			if readable && (len(g.Sites) != 1 || g.Sites[0].Function != "main.fetchCloseIdleShared" || g.Verdict.Code != "close-idle") {
				t.Errorf("opened by %v, verdict %v", g.Sites, g.Verdict)
			}
			if !readable && (len(g.Sites) != 0 || !strings.Contains(missing, "CAP_SYS_PTRACE")) {
				t.Errorf("opened by %v, %q", g.Sites, missing)
			}
		}
	})
}

// open lets everybody read what a test has built.
func open(t *testing.T, file string) {
	t.Helper()
	for dir := filepath.Dir(file); dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// traceAsNobody traces a client with no more than the capabilities for eBPF.
func traceAsNobody(t *testing.T, berth string, c *client, readable bool) (g tracedGroup, missing string) {
	t.Helper()
	caps := "-all,+bpf,+perfmon,+net_admin"
	var stdout, stderr bytes.Buffer
	cmd := osexec.Command("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", caps, "--ambient-caps", caps, "--bounding-set", caps,
		berth, "trace", "--json", "--for", "1h", "--pid", fmt.Sprint(c.Process.Pid))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	want := 4
	if readable {
		want = 7
	}
	awaitLinksOf(t, cmd.Process.Pid, want)
	c.work()
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v, %s", err, stderr.String())
	}
	r := decodeTrace(t, stdout.Bytes())
	if r.Tier != "ebpf" || len(r.Groups) != 1 {
		t.Fatalf("got %s", stdout.String())
	}
	return r.Groups[0], r.Groups[0].SitesMissing
}

// awaitListener waits until somebody listens for sockets that end: /proc/net/netlink has its groups, 5 in hex.
func awaitListener(t *testing.T) {
	t.Helper()
	for range 500 {
		b, err := os.ReadFile("/proc/net/netlink")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 3 && f[1] == "4" && f[3] == "00000005" {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nobody listens")
}
