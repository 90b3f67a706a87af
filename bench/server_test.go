package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// eachServer runs the test with nginx, where it is installed, and with ours.
func eachServer(t *testing.T, test func(*testing.T, *options)) {
	t.Run("nginx", func(t *testing.T) {
		if _, err := exec.LookPath("nginx"); err != nil {
			t.Skip("nginx is not installed")
		}
		test(t, &options{})
	})
	t.Run("go", func(t *testing.T) { test(t, &options{goServer: true}) })
}

func newServer(t *testing.T, o *options, n serverNeeds) *server {
	t.Helper()
	s, err := startServer(t.Context(), o, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func (s *server) wantGone(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(s.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}

func TestServerStops(t *testing.T) {
	eachServer(t, func(t *testing.T, o *options) {
		s := newServer(t, o, serverNeeds{conns: 64})
		s.stop()
		s.wantGone(t)
		if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("its folder is still there: %v", err)
		}
	})
}

func TestServerEndsWithContext(t *testing.T) {
	eachServer(t, func(t *testing.T, o *options) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s, err := startServer(ctx, o, serverNeeds{conns: 64})
		if err != nil {
			t.Fatal(err)
		}
		defer s.stop()
		cancel()
		<-s.exited
		s.wantGone(t)
	})
}

// orphanVerb starts a server, prints where it is, and is killed.
const orphanVerb = "orphan"

func orphan() int {
	_, goServer := os.LookupEnv("GO_SERVER")
	s, err := startServer(context.Background(), &options{goServer: goServer}, serverNeeds{conns: 64})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.url, s.dir)
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func TestServerEndsWithItsParent(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("only Linux ends a child with its parent")
	}
	eachServer(t, func(t *testing.T, o *options) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], orphanVerb)
		if o.goServer {
			cmd.Env = append(os.Environ(), "GO_SERVER=1")
		}
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(stdout).ReadString('\n')
		cmd.Process.Kill() // it runs no deferred call
		cmd.Wait()
		if err != nil {
			t.Fatal(err)
		}
		url, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		defer os.RemoveAll(dir)
		wantRefused(t, strings.Trim(url, "htp:/"))
	})
}

// wantRefused waits until nobody listens on addr. The kernel's signal to the
// orphan takes a moment.
func wantRefused(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			c.Close()
		}
	}
	t.Errorf("%s still accepts connections", addr)
}

// What the server says to a client is what the table says of it.
func TestStreams(t *testing.T) {
	eachServer(t, func(t *testing.T, o *options) {
		s := newServer(t, o, serverNeeds{wire: wire{TLS: true, HTTP2: true, Streams: 10}, conns: 64})
		tr := &http.Transport{TLSClientConfig: s.tls.Clone(), ForceAttemptHTTP2: true}
		c, err := tr.NewClientConn(t.Context(), "https", strings.Trim(s.url, "htps:/"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := bareCaller(c, s)(); err != nil {
			t.Fatal(err)
		}
		if got := c.Available() + c.InFlight(); got != 10 {
			t.Errorf("%d streams, want 10", got)
		}
	})
}

func TestServerSaysWhyItEnded(t *testing.T) {
	s := &server{}
	if err := s.goCommand(t.Context(), serverNeeds{}, "192.0.2.1:1"); err != nil { // not an address of ours
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	s.url = "http://127.0.0.1:1/"
	if err := s.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot assign requested address") {
		t.Errorf("ready: %v", err)
	}
}
