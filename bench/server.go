package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// answer is the body of every response.
const answer = "hello, berth\n"

// serverNeeds says what a measurement wants from its server.
type serverNeeds struct {
	wire
	delay time.Duration // before each answer
	conns int           // open at once, at most
}

// A wire is what client and server speak.
type wire struct {
	TLS     bool `json:"tls"`
	HTTP2   bool `json:"http2"`   // over TLS
	Streams int  `json:"streams"` // HTTP/2: the server's limit a connection; zero is its own, above 100
}

// String is the wire's part of a table's name; HTTP/1 over TCP has none.
func (w wire) String() string {
	switch {
	case w.Streams > 0:
		return fmt.Sprintf(", limit of %d HTTP/2 streams", w.Streams)
	case w.HTTP2:
		return ", HTTP/2"
	case w.TLS:
		return ", TLS"
	}
	return ""
}

// A server answers every GET with the same few bytes, in a process of its own:
// its work must not count as the client's.
type server struct {
	name  string // for the report
	url   string
	tls   *tls.Config // a client's, that trusts it; nil over plain TCP
	http2 bool        // what a client is to speak, and drain wants of its answers

	dir    string // its files, gone after stop
	cmd    *exec.Cmd
	stderr bytes.Buffer  // read it only after exited
	exited chan struct{} // closed when the process is gone
}

// startServer starts nginx where it is installed and can do it, else a child of
// our own. Each server has a port of its own, so that no TIME_WAIT of an earlier
// measurement is in its way. It ends with stop or with ctx, and on Linux also
// when this process ends, in whatever way.
func startServer(ctx context.Context, o *options, n serverNeeds) (*server, error) {
	s := &server{http2: n.HTTP2}
	if err := s.setUp(ctx, o, n); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *server) setUp(ctx context.Context, o *options, n serverNeeds) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "berth-bench-"); err != nil {
		return err
	}
	s.url = "http://" + addr + "/"
	if n.TLS {
		s.url = "https://" + addr + "/"
		if s.tls, err = writeCertificate(s.dir); err != nil {
			return err
		}
	}
	if err := s.command(ctx, o, n, addr); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	return s.ready(ctx)
}

func (s *server) command(ctx context.Context, o *options, n serverNeeds, addr string) error {
	path, err := exec.LookPath("nginx")
	if err != nil || o.goServer || n.delay > 0 { // nginx cannot wait before it answers
		return s.goCommand(ctx, n, addr)
	}
	return s.nginxCommand(ctx, path, n, addr)
}

// freeAddr is an address that was free a moment ago. A server that finds it
// taken says so and ends: nginx has no way to tell which port it chose itself.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start runs the command. One thread starts it and waits for it, because the
// kernel ends the child with the thread that started it, not with the process
// (golang/go#27505).
func (s *server) start() error {
	s.cmd.Stderr = &s.stderr
	endWithParent(s.cmd)
	exited, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.cmd.Wait()
			close(exited)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.exited = exited
	return nil
}

// ready asks until the server answers or is gone.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		err := s.probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%s ended: %s", s.name, bytes.TrimSpace(s.stderr.Bytes()))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", s.name, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *server) probe(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, "GET", s.url, nil)
	if err != nil {
		return err
	}
	t := &http.Transport{TLSClientConfig: s.tls, DisableKeepAlives: true, ForceAttemptHTTP2: s.http2}
	return s.drain(t.RoundTrip(req))
}

// stop ends the process, by its id, and returns when it is gone.
func (s *server) stop() {
	if s.exited != nil {
		s.cmd.Process.Kill() // it holds nothing worth a farewell
		<-s.exited
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}
