package netlab

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRunExhaustion(t *testing.T) {
	ports := Range{33000, 33019}
	Run(t, Config{Range: ports}, func(t *testing.T) {
		l := listen(t, "tcp4", "127.0.0.1:9999") // outside the range, which is thus whole
		d := &net.Dialer{}
		for range ports.Len() {
			closeFirst(t, d, l)
		}
		wantNoPort(t, d, l)
		hold(t, d, listen(t, "tcp4", "127.0.0.1:9998"))
	})
}

func TestRunPortRangeInside(t *testing.T) {
	Run(t, Config{Range: Range{33000, 33019}}, func(t *testing.T) {
		l := listen(t, "tcp6", "[::1]:9999")
		d := &net.Dialer{Control: PortRange(33005, 33009)}
		for range 5 {
			hold(t, d, l)
		}
		wantNoPort(t, d, l)
	})
}

func TestRunSetsSysctls(t *testing.T) {
	cfg := Config{
		Range:   Range{40000, 40009},
		TWReuse: 1,
		Sysctls: map[string]string{"net.ipv4.tcp_timestamps": "0"},
	}
	Run(t, cfg, func(t *testing.T) {
		for file, want := range map[string]string{
			"/proc/sys/net/ipv4/ip_local_port_range": "40000\t40009",
			"/proc/sys/net/ipv4/tcp_tw_reuse":        "1",
			"/proc/sys/net/ipv4/tcp_timestamps":      "0",
		} {
			if b, err := os.ReadFile(file); strings.TrimSpace(string(b)) != want {
				t.Errorf("%s holds %q (%v), want %q", file, b, err, want)
			}
		}
	})
}

func TestRunIsAlone(t *testing.T) {
	Run(t, Config{}, func(t *testing.T) {
		ifs, err := net.Interfaces()
		if err != nil || len(ifs) != 1 || ifs[0].Flags&net.FlagLoopback == 0 {
			t.Errorf("got interfaces %v, %v; want loopback alone", ifs, err)
		}
	})
}

// closeFirst opens a connection and closes it on this side, and returns once the port is in TIME_WAIT.
func closeFirst(t *testing.T, d *net.Dialer, l net.Listener) {
	t.Helper()
	c, err := d.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite() // a FIN, as Close sends, but we can see the answer to it
	io.Copy(io.Discard, s)
	s.Close()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("got %d bytes, %v; want the other side's end", n, err)
	}
	c.Close()
}

// outcomes are bodies whose end TestRunReports looks at from outside, through TestOutcome.
var outcomes = map[string]func(t *testing.T){
	"pass":    func(t *testing.T) { t.Log("body was here") },
	"fail":    func(t *testing.T) { t.Error("body was here") },
	"fatal":   func(t *testing.T) { t.Fatal("body was here") },
	"skip":    func(t *testing.T) { t.Skip("body was here") },
	"panic":   func(t *testing.T) { panic("body was here") },
	"exit":    func(t *testing.T) { fmt.Println("body was here"); os.Exit(0) },
	"cleanup": func(t *testing.T) { t.Cleanup(func() { t.Error("body was here") }) },
	"subtest": func(t *testing.T) { t.Run("of/it", func(t *testing.T) { t.Error("body was here") }) },
	"nested":  func(t *testing.T) { t.Run("inner", func(t *testing.T) { Run(t, Config{}, nil) }) },
	"again":   func(t *testing.T) { Run(t, Config{}, nil) },
}

const outcomeEnv = "BERTH_NETLAB_OUTCOME"

// TestOutcome is no test of its own: TestRunReports starts it.
func TestOutcome(t *testing.T) {
	want := os.Getenv(outcomeEnv)
	if want == "" {
		t.Skip("started by TestRunReports")
	}
	cfg := Config{}
	if want == "setup" {
		cfg.Sysctls = map[string]string{"net.ipv4.no_such_thing": "1"}
	}
	t.Run("sub test", func(t *testing.T) { Run(t, cfg, outcomes[want]) })
}

func TestRunReports(t *testing.T) {
	needNamespace(t)
	tests := []struct {
		outcome string
		passes  bool
		says    string
	}{
		{"pass", true, "body was here"},
		{"fail", false, "body was here"},
		{"fatal", false, "body was here"},
		{"skip", true, "body was here"},
		{"panic", false, "panic: body was here"},
		{"exit", false, "without a verdict"},
		{"cleanup", false, "body was here"},
		{"subtest", false, "body was here"},
		{"nested", false, "inside the body of another"},
		{"again", false, "a second netlab.Run"},
		{"setup", false, "set net.ipv4.no_such_thing to 1"},
	}
	for _, tt := range tests {
		t.Run(tt.outcome, func(t *testing.T) {
			out, err := testBinary(os.Args[0], outcomeEnv+"="+tt.outcome).CombinedOutput()
			if (err == nil) != tt.passes || !bytes.Contains(out, []byte(tt.says)) {
				t.Errorf("%v, want it to pass %t and to say %q:\n%s", err, tt.passes, tt.says, out)
			}
			if skips := bytes.Contains(out, []byte("--- SKIP: TestOutcome/sub_test")); skips != (tt.outcome == "skip") {
				t.Errorf("reported as skipped: %t:\n%s", skips, out)
			}
		})
	}
}

func TestRunWithoutPrivilege(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become nobody")
	}
	exe := forNobody(t)
	for ci, says := range map[string]string{
		"":     "--- SKIP: TestOutcome/sub_test",
		"true": "--- FAIL: TestOutcome/sub_test",
	} {
		cmd := testBinary(exe, outcomeEnv+"=pass", "CI="+ci)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if !bytes.Contains(out, []byte(says)) || !bytes.Contains(out, []byte("operation not permitted")) {
			t.Errorf("CI=%q: %v, want %q and the reason:\n%s", ci, err, says, out)
		}
	}
}

func testBinary(exe string, env ...string) *exec.Cmd {
	cmd := exec.Command(exe, "-test.run=^TestOutcome$", "-test.v", "-test.timeout=30s")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else each child of a -race run costs a second
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// needNamespace skips, or fails in CI, before a test reads anything into how its children ended.
func needNamespace(t *testing.T) {
	t.Helper()
	cmd := testBinary("/proc/self/exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Run(); err != nil {
		lacking(t, err)
	}
}

// forNobody returns a copy of this test binary that every user may run: go test builds it where only its
// owner may look.
func forNobody(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "netlab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(dir, "netlab.test")
	if err := os.WriteFile(exe, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return exe
}
