package berth_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A scriptedServer answers request 1 with its script, and request 2 with the
// number of the connection it came on. Where there is a proxy, it is that, too.
// It serves one transport, once.
type scriptedServer struct {
	script   script
	wrapped  bool // the transport's connections are clientConns
	listener net.Listener
	played   chan struct{} // closed when the script's last byte and its ending are sent
	play     func()        // closes it, once
	over     chan struct{} // closed by close
	running  sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	wires    map[string]*wire
	dialed   []*wire
	addrs    []string // that were dialed
	conns    []*net.TCPConn
	closing  bool
	hops     []string // what each connection told its proxy
	answers  []string // to CONNECT, as the transport told of them
	heard    string   // request 1, as it came
	switched string   // what came behind a 101
	again    []string // request 2, each time it came
	reused   bool     // request 2 came on the connection of request 1
}

func startServer(s script, wrapped bool) (*scriptedServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &scriptedServer{
		script:   s,
		wrapped:  wrapped,
		listener: l,
		played:   make(chan struct{}),
		over:     make(chan struct{}),
		wires:    make(map[string]*wire),
	}
	server.play = sync.OnceFunc(func() { close(server.played) })
	server.running.Go(server.accept)
	return server, nil
}

// close ends the server's goroutines and resets what is left of its connections.
// Either side closes only by resets, so that thousands of runs leave no TIME_WAIT.
func (s *scriptedServer) close() {
	s.listener.Close()
	close(s.over)
	s.note(func() {
		s.closing = true
		for _, c := range s.conns {
			abort(c)
		}
	})
	s.running.Wait()
}

func abort(c *net.TCPConn) error {
	c.SetLinger(0)
	return c.Close()
}

func (s *scriptedServer) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		tcp := c.(*net.TCPConn)
		s.note(func() {
			s.conns = append(s.conns, tcp)
			if s.closing {
				abort(tcp)
			}
		})
		s.running.Go(func() { s.serve(tcp) })
	}
}

// dial is the transport's DialContext, whatever address it asks for.
func (s *scriptedServer) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	tcp := c.(*net.TCPConn)
	tcp.SetLinger(0) // closing it resets it: see close
	w := s.wire(tcp.LocalAddr())
	s.note(func() {
		s.dialed = append(s.dialed, w)
		s.addrs = append(s.addrs, addr)
	})
	if !s.wrapped {
		return tcp, nil
	}
	return &clientConn{tcp, w}, nil
}

// wire returns what the two ends of a connection share, by the client's address.
// Either end may be the first to ask.
func (s *scriptedServer) wire(client net.Addr) *wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.wires[client.String()]
	if w == nil {
		w = newWire()
		s.wires[client.String()] = w
	}
	return w
}

// number returns which of the transport's connections w is, when it was heard
// of; or -1, for a stranger's: on a busy machine, others dial ports that were
// theirs.
func (s *scriptedServer) number(w *wire) (n int) {
	s.note(func() { n = slices.Index(s.dialed, w) })
	return n
}

func (s *scriptedServer) serve(tcp *net.TCPConn) {
	defer abort(tcp)
	w := s.wire(tcp.RemoteAddr())
	c := newServerConn(tcp, w)
	err := c.below.await()
	n := s.number(w)
	if n == 0 {
		defer s.play() // if it does not come to that
	}
	if n < 0 || err != nil || !s.pass(c, n) {
		return
	}
	var heard bytes.Buffer
	r := bufio.NewReader(io.TeeReader(c, &heard))
	for played := false; ; {
		heard.Next(heard.Len() - r.Buffered()) // of the request before
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.URL.Path == "/1" {
			s.answerFirst(c, req, r, &heard)
			played = true
			continue
		}
		io.Copy(io.Discard, req.Body)
		s.note(func() {
			s.again = append(s.again, sorted(heard.String()))
			s.reused = s.reused || played
		})
		if played && s.script.knobs.any(hangUp) {
			c.end(closes)
		} else {
			answerSecond(c, n)
		}
	}
}

// answerFirst plays the script. Then it reads on: a client that has got its
// answer before it has sent its body may still send it, and one that is being
// left has to be able to write without being reset.
func (s *scriptedServer) answerFirst(c *serverConn, req *http.Request, r io.Reader, heard *bytes.Buffer) {
	if !s.script.answersEarly() {
		io.Copy(io.Discard, req.Body)
	}
	s.note(func() { s.heard = s.comparable(heard.String()) })
	pieces, e := s.script.pieces(), s.script.ending()
	if s.script.scriptsHop() {
		pieces, e = afterHop, keeps
	}
	c.play(pieces, e)
	if s.script.converses() {
		s.converse(c, r)
	}
	c.end(e)
	s.play()
	io.Copy(io.Discard, req.Body)
	if s.script.converses() {
		<-s.over // the client has ended its side, but may still read
	}
}

// comparable returns what matters of request 1: not how much of its body came
// before an early answer.
func (s *scriptedServer) comparable(request string) string {
	if s.script.answersEarly() {
		head, _, _ := strings.Cut(request, "\r\n\r\n")
		request = head + "\r\n\r\n"
	}
	return sorted(request)
}

// sorted returns the request without the order of its headers.
func sorted(request string) string {
	head, body, _ := strings.Cut(request, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines[1:])
	return strings.Join(append(lines, "", body), "\r\n")
}

func answerSecond(c *serverConn, n int) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nconnection %d"
	fmt.Fprintf(c, answer, n)
}

func (s *scriptedServer) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// A serverConn is the server's end of a connection.
type serverConn struct {
	net.Conn // what the server writes to: below, or TLS above it
	below    *packer
}

func newServerConn(tcp *net.TCPConn, w *wire) *serverConn {
	below := &packer{TCPConn: tcp, wire: w}
	return &serverConn{below, below}
}

// secure has the connection speak TLS from now on, above TLS if it does already.
func (c *serverConn) secure() { c.Conn = tls.Server(c.Conn, serverTLS()) }

// ownWrites is how many portions go out in a write of their own. More would
// outrun the congestion window (ten segments), and wait in the server's socket
// for a delayed acknowledgement while the client already decides; those behind
// share one write. The client's Read keeps them apart all the same.
const ownWrites = 8

// play writes the pieces; what is held back at their end goes out with the
// ending. A reset takes back what still waits to be sent, so all that comes
// before one goes out at once.
func (c *serverConn) play(pieces []piece, e ending) {
	own := ownWrites
	if e == resets {
		own = 0
	}
	for _, p := range pieces {
		c.below.hold, c.below.wait = p.held, own <= 0
		io.WriteString(c, p.bytes)
		if !p.held {
			own--
		}
	}
	c.below.hold = true
}

func (c *serverConn) end(e ending) {
	if e == closes || e == notifies {
		if t, ok := c.Conn.(*tls.Conn); ok {
			t.CloseWrite() // of TLS: a close_notify
		}
	}
	c.below.flush()
	switch e {
	case closes, cuts:
		c.below.CloseWrite() // of TCP: a FIN
	case resets:
		abort(c.below.TCPConn)
	}
}
