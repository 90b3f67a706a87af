package berth_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A scriptedServer answers request 1 with its script, and request 2 with the
// number of the connection it came on. It serves one transport, once.
type scriptedServer struct {
	script   script
	wrapped  bool // the transport's connections are clientConns
	listener net.Listener
	played   chan struct{} // closed when the script's last byte and its ending are sent
	play     func()        // closes it, once
	running  sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	wires   map[string]*wire
	dialed  []*wire
	conns   []*net.TCPConn
	closing bool
	heard   string // request 1, as it came
	reused  bool   // request 2 came on the connection of request 1
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
	for n := 0; ; n++ {
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
		s.running.Go(func() { s.serve(n, tcp) })
	}
}

// dial is the transport's DialContext, whatever address it asks for.
func (s *scriptedServer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	tcp := c.(*net.TCPConn)
	tcp.SetLinger(0) // closing it resets it: see close
	w := s.wire(tcp.LocalAddr())
	s.note(func() { s.dialed = append(s.dialed, w) })
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

func (s *scriptedServer) serve(n int, tcp *net.TCPConn) {
	defer abort(tcp)
	c := newServerConn(tcp, s.wire(tcp.RemoteAddr()), s.script.knobs.any(overTLS))
	var heard bytes.Buffer
	r := bufio.NewReader(io.TeeReader(c, &heard))
	for played := false; ; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		again := played && req.URL.Path == "/2"
		if again {
			s.note(func() { s.reused = true })
		}
		switch {
		case req.URL.Path == "/1":
			s.answerFirst(c, req, &heard)
			played = true
		case again && s.script.knobs.any(hangUp):
			io.Copy(io.Discard, req.Body)
			c.end(closes)
		default:
			io.Copy(io.Discard, req.Body)
			answerSecond(c, n)
		}
	}
}

// answerFirst plays the script. Then it reads on: a client that has got its
// answer before it has sent its body may still send it, and one that is being
// left has to be able to write without being reset.
func (s *scriptedServer) answerFirst(c *serverConn, req *http.Request, heard *bytes.Buffer) {
	if !s.script.answersEarly() {
		io.Copy(io.Discard, req.Body)
	}
	s.note(func() { s.heard = s.comparable(heard.String()) })
	e := s.script.ending()
	c.play(s.script.pieces(), e)
	c.end(e)
	s.play()
	io.Copy(io.Discard, req.Body)
}

// comparable returns what matters of a request. The order of its headers does
// not, nor how much of its body came before an early answer.
func (s *scriptedServer) comparable(request string) string {
	head, body, _ := strings.Cut(request, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines[1:])
	if s.script.answersEarly() {
		body = ""
	}
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

func newServerConn(tcp *net.TCPConn, w *wire, overTLS bool) *serverConn {
	below := &packer{TCPConn: tcp, wire: w}
	if !overTLS {
		return &serverConn{below, below}
	}
	return &serverConn{tls.Server(below, serverTLS()), below}
}

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

// A packer decides what the client can read at once, a portion, and what goes
// out in one write.
type packer struct {
	*net.TCPConn
	wire *wire
	hold bool // what is written belongs to one portion with what follows
	wait bool // portions wait for flush

	unsent, portion []byte
}

func (p *packer) Write(b []byte) (int, error) {
	p.portion = append(p.portion, b...)
	if p.hold {
		return len(b), nil
	}
	p.seal()
	if p.wait {
		return len(b), nil
	}
	return len(b), p.flush()
}

// seal ends the portion.
func (p *packer) seal() {
	p.wire.writing(len(p.portion))
	p.unsent = append(p.unsent, p.portion...)
	p.portion = p.portion[:0]
}

func (p *packer) flush() error {
	p.hold, p.wait = false, false
	if len(p.portion) > 0 {
		p.seal()
	}
	_, err := p.TCPConn.Write(p.unsent)
	p.unsent = p.unsent[:0]
	return err
}

// SetWriteDeadline does nothing: TLS sets one that has passed behind its
// close_notify, which may still be held back.
func (p *packer) SetWriteDeadline(time.Time) error { return nil }

// A clientConn is the client's end of a connection, if the transport reads ahead
// and this has to be waited for. A Read returns bytes of one portion only, so that cuts
// are where the script has them and not where the two happen to meet.
type clientConn struct {
	*net.TCPConn
	wire *wire
}

func (c *clientConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return c.TCPConn.Read(p)
	}
	coming := c.wire.beginRead()
	n, err := c.TCPConn.Read(p[:min(len(p), max(coming, 1))])
	if rest := c.wire.endRead(n); coming == 0 && n == 1 && rest > 0 && len(p) > 1 {
		// It had to wait for the first byte to learn how many there are.
		c.wire.beginRead()
		more, _ := c.TCPConn.Read(p[1:min(len(p), 1+rest)])
		c.wire.endRead(more)
		n += more
	}
	return n, err
}

func (c *clientConn) Close() error {
	err := c.TCPConn.Close()
	c.wire.close()
	return err
}

// A wire is what a connection's two ends know together: how many bytes the
// server has written, in which portions, and how far the client has read.
type wire struct {
	mu       sync.Mutex // guards the fields below
	changed  *sync.Cond
	written  int
	portions []int // where those end that are not read to their end
	read     int
	readers  int // that are in Read
	closed   bool
}

func newWire() *wire {
	w := &wire{}
	w.changed = sync.NewCond(&w.mu)
	return w
}

// writing notes a portion before it is sent, so that no reader is ahead of it.
func (w *wire) writing(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written += n
	w.portions = append(w.portions, w.written)
}

// beginRead returns how many bytes are to come of the portion that is being read;
// zero if there is none.
func (w *wire) beginRead() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readers++
	w.changed.Broadcast()
	return w.coming()
}

// endRead returns what is still to come of the portion that n bytes were read of.
func (w *wire) endRead(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readers--
	rest := max(w.coming()-n, 0)
	w.read += n
	for len(w.portions) > 0 && w.portions[0] <= w.read {
		w.portions = w.portions[1:]
	}
	return rest
}

func (w *wire) coming() int {
	if len(w.portions) == 0 {
		return 0
	}
	return w.portions[0] - w.read
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.changed.Broadcast()
}

// settle waits until a client that always reads has taken note of all that the
// server did: it has closed the connection, or waits in Read with nothing to
// come. After an ending only the former will do. It returns false if nothing of
// that happens.
func (w *wire) settle(e ending) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	late := false
	timer := time.AfterFunc(hangTimeout, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		late = true
		w.changed.Broadcast()
	})
	defer timer.Stop()
	for !w.closed && !late && !(e == keeps && w.readers > 0 && w.read == w.written) {
		w.changed.Wait()
	}
	return !late
}

var serverTLS = sync.OnceValue(func() *tls.Config {
	return &tls.Config{
		Certificates:                []tls.Certificate{certificate()},
		DynamicRecordSizingDisabled: true, // a piece is a record
		SessionTicketsDisabled:      true,
	}
})

var clientTLS = sync.OnceValue(func() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(certificate().Leaf)
	// One cheap key exchange: handshakes are most of what a run costs.
	return &tls.Config{RootCAs: roots, CurvePreferences: []tls.CurveID{tls.X25519}}
})

// certificate is made at the first use: a committed one would run out.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		DNSNames:              []string{"berth.test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})
