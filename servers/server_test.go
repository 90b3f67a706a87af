//go:build linux

package servers

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// A program is one of the servers that we test with. To each request it answers
// 200, with the request's X-Id as the header X-Id and as the body, and with its
// generation. It writes each X-Id that reaches it into the file ids of its folder.
type program struct {
	name string // of what is to be installed; "" is this test

	// prepare makes, where it is set, what the program needs besides.
	prepare func(t *testing.T, s *server) error

	// configure writes what the program reads into s.dir, and returns what
	// comes behind the program's name. It is called again for each generation.
	configure func(s *server) (args []string, err error)

	stop   syscall.Signal // ends it in peace
	reload syscall.Signal // has it read its configuration; 0 is a program that can't: the next one is started beside it
	slack  time.Duration  // how much later than said it closes an idle connection
}

// needs is what a scenario wants from a server. Zero is: plain, and long-lived.
type needs struct {
	tls       bool
	h2        bool          // offers HTTP/2; over TLS
	held      bool          // the test keeps the listener open: who connects while no server runs, waits for the next
	keepAlive time.Duration // how long a connection may be idle; negative is no keep-alive
	perConn   int           // requests a connection
	maxBody   int           // bytes; more is refused with 413
	abrupt    bool          // and without reading on
	streams   int           // of one connection at once
	lossy     bool          // it ends connections with requests in such a way that net/http loses some, by chance
}

func (n needs) overTLS() bool { return n.tls || n.h2 }

// idle is the time that a connection may be idle, for a configuration.
func (n needs) idle() time.Duration {
	if n.keepAlive == 0 {
		return time.Minute
	}
	return max(n.keepAlive, 0)
}

// A server is a running program. It ends with its test.
type server struct {
	*process
	needs
	former     []*process // that were asked to end
	program    *program
	bin        string
	dir        string
	addr       string
	backend    string // of a program that has no answers of its own
	listener   *os.File
	tlsConfig  *tls.Config
	generation int
	killed     bool         // a process was: it may not have logged all that it answered
	asked      atomic.Int64 // requests that have an id
}

// start returns a server that answers.
func (p *program) start(t *testing.T, n needs) *server {
	t.Helper()
	s := &server{needs: n, program: p, bin: p.find(t), dir: t.TempDir()}
	if err := s.setUp(t); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close(t) })
	if err := s.begin(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *program) find(t *testing.T) string {
	t.Helper()
	if p.name != "" {
		return find(t, p.name)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

func (s *server) setUp(t *testing.T) error {
	// A server that root starts reads its files as somebody else.
	if err := errors.Join(os.Chmod(filepath.Dir(s.dir), 0o755), os.Chmod(s.dir, 0o755)); err != nil {
		return err
	}
	if s.overTLS() {
		s.tlsConfig = writeCertificate(t, s.dir)
	}
	if s.program.prepare != nil {
		if err := s.program.prepare(t, s); err != nil {
			return err
		}
	}
	if !s.held {
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close() // s.listener is another descriptor of the same
	s.addr = l.Addr().String()
	s.listener, err = descriptor(l.(*net.TCPListener))
	return err
}

// descriptor returns a descriptor of a listener. To hand on the file that File
// returns would make it blocking, each time, also for the processes that have it
// already: those that wait for it by epoll would hang in accept.
func descriptor(l *net.TCPListener) (*os.File, error) {
	f, err := l.File()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "listener"), nil // blocking by now, and left as it is
}

// begin starts the process, on a port of its own.
func (s *server) begin() error {
	if s.held {
		return s.run()
	}
	var err error
	for range 5 {
		if s.addr, err = freeAddr(); err != nil {
			return err
		}
		if err = s.run(); !errors.Is(err, errTaken) {
			return err
		}
	}
	return err
}

// again starts the process on the port it had.
func (s *server) again() error {
	return poll(func() error {
		switch err := s.run(); {
		case err == nil:
			return nil
		case errors.Is(err, errTaken):
			return errTaken
		default:
			return fmt.Errorf("%w: %w", errNever, err)
		}
	})
}

// run starts a process of the next generation, and returns when it answers.
func (s *server) run() error {
	s.generation++
	args, err := s.program.configure(s)
	if err != nil {
		return err
	}
	var files []*os.File
	if s.held {
		files = append(files, s.listener)
	}
	env := []string{"BERTH_SERVERS_CHILD=yes"}
	if s.held {
		env = append(env, "NGINX=3;") // how nginx is told of a listener
	}
	if s.process, err = launch(s.dir, files, env, append([]string{s.bin}, args...)...); err != nil {
		return err
	}
	return s.ready()
}

// crash kills the process, and starts the next one where it was.
func (s *server) crash() error {
	s.killed = true
	s.kill()
	return s.again()
}

// renew puts a new generation into the old one's place, in the way in which the
// program does that: with nobody turned away.
func (s *server) renew() error {
	if s.program.reload == 0 {
		old := s.process
		if err := s.run(); err != nil {
			return err
		}
		old.signal(s.program.stop) // it takes as long as its clients do
		s.former = append(s.former, old)
		return nil
	}
	s.generation++
	if _, err := s.program.configure(s); err != nil {
		return err
	}
	if err := s.hears(s.program.reload); err != nil {
		return err
	}
	s.signal(s.program.reload)
	return s.ready()
}

var errTaken = errors.New("the port was taken")

// ready returns when the server's present generation answers.
func (s *server) ready() error {
	probe := &http.Transport{TLSClientConfig: s.tlsConfig, DisableKeepAlives: true}
	return poll(func() error {
		if s.gone() {
			said := strings.ToLower(s.printed())
			if strings.Contains(said, "address already in use") || strings.Contains(said, "eaddrinuse") {
				return fmt.Errorf("%w: %w", errNever, errTaken)
			}
			return fmt.Errorf("%w: %s ended: %s", errNever, s.bin, said)
		}
		return s.probe(probe)
	})
}

func (s *server) probe(rt http.RoundTripper) error {
	client := &http.Client{Transport: rt, Timeout: patience}
	resp, err := client.Get(s.url())
	if err != nil {
		return err
	}
	resp.Body.Close()
	if g := resp.Header.Get("X-Generation"); resp.StatusCode != 200 || g != fmt.Sprint(s.generation) {
		return fmt.Errorf("%s by generation %s, want 200 by %d", resp.Status, g, s.generation)
	}
	return nil
}

func (s *server) url() string {
	if s.overTLS() {
		return "https://" + s.addr + "/"
	}
	return "http://" + s.addr + "/"
}

// close ends the server, and tells what it printed if its test failed.
func (s *server) close(t *testing.T) {
	if s.process != nil {
		s.thaw()
		if err := s.endAll(); err != nil {
			t.Error(err)
		}
		if said := s.printed(); t.Failed() && said != "" {
			t.Logf("%s printed:\n%s", s.bin, said)
		}
	}
	if s.listener != nil {
		s.listener.Close()
	}
}

func (s *server) endAll() error {
	var errs []error
	for _, p := range append(s.former, s.process) {
		errs = append(errs, p.end(s.program.stop))
	}
	return errors.Join(errs...)
}

// seen returns how often each id has reached the server.
func (s *server) seen() (map[string]int, error) {
	ids, err := os.ReadFile(s.file("ids"))
	seen := map[string]int{}
	for id := range strings.Lines(string(ids)) {
		seen[strings.TrimSpace(id)]++
	}
	return seen, err
}

func (s *server) file(name string) string { return filepath.Join(s.dir, name) }

// An echo is the answer that a program gives, for those that we write.
type echo struct {
	ids        io.Writer
	generation string
	maxBody    int
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Id")
	fmt.Fprintln(e.ids, id)
	w.Header().Set("X-Id", id)
	w.Header().Set("X-Generation", e.generation)
	if e.maxBody > 0 {
		r.Body = http.MaxBytesReader(w, r.Body, int64(e.maxBody))
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}
	io.WriteString(w, id)
}

func openIDs(file string) (*os.File, error) {
	return os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// write writes a file that the program reads, from a template.
func (s *server) write(name string, text *template.Template) error {
	var b bytes.Buffer
	if err := text.Execute(&b, s.settings()); err != nil {
		return err
	}
	return os.WriteFile(s.file(name), b.Bytes(), 0o644)
}

// settings are a server's needs as configuration files have them.
type settings struct {
	*server
	Addr, Backend         string
	Idle                  int64 // milliseconds
	PerConn, MaxBody      int   // large for no limit
	Streams               int
	TLS, H2, Held, Abrupt bool
	Generation            int
	Root                  bool // the server starts as root
}

func (s *server) settings() settings {
	return settings{
		server:     s,
		Addr:       s.addr,
		Backend:    s.backend,
		Idle:       s.idle().Milliseconds(),
		PerConn:    cmp.Or(s.perConn, 1_000_000),
		MaxBody:    cmp.Or(s.maxBody, 1<<30),
		Streams:    cmp.Or(s.streams, 100),
		TLS:        s.overTLS(),
		H2:         s.h2,
		Held:       s.held,
		Abrupt:     s.abrupt,
		Generation: s.generation,
		Root:       os.Geteuid() == 0,
	}
}

// File is where the server has a file.
func (s settings) File(name string) string { return s.file(name) }
