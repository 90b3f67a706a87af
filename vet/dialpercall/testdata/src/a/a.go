package a

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

func handler(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "cache:11211") // want `a new connection for every request that reaches handler, closed with it`
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "get x\r\n")
	bufio.NewReader(conn).ReadString('\n')
}

// What a handler calls.
func serve(w http.ResponseWriter, r *http.Request) { ask("x") }

func ask(q string) string {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(context.Background(), "tcp", "db:1") // want `for every request that reaches ask`
	if err != nil {
		return ""
	}
	defer func() { conn.Close() }()
	conn.Write([]byte(q))
	return ""
}

func loop(lines []string) {
	for _, l := range lines {
		conn, err := tls.Dial("tcp", "log:6514", nil) // want `a new connection in every turn of a loop`
		if err != nil {
			continue
		}
		io.WriteString(conn, l)
		conn.Close()
	}
}

type job struct{ addr string }

// Its own jobs.
func work(all []string) {
	jobs := make(chan job)
	go func() {
		for _, a := range all {
			jobs <- job{a}
		}
		close(jobs)
	}()
	for range jobs {
		conn, err := net.Dial("tcp", "log:514") // want `a new connection in every turn of a loop`
		if err != nil {
			continue
		}
		conn.Write([]byte("a job"))
		conn.Close()
	}
}

// A signal is closed by whoever has done it.
func signals(all []string) {
	for range all {
		done := make(chan struct{})
		go close(done)
		<-done
		conn, err := net.Dial("tcp", "log:514") // want `a new connection in every turn of a loop`
		if err != nil {
			continue
		}
		conn.Write([]byte("a job"))
		conn.Close()
	}
}

// What follows is right.

type metric struct{ name string }

type exporter struct{ metrics <-chan metric }

// How often others send is their affair.
func (s *exporter) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.metrics:
			s.export(m)
		}
	}
}

func (s *exporter) export(m metric) {
	conn, err := net.Dial("tcp", "graphite:2003")
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, m.name)
}

type client struct{ conn net.Conn }

// A connection that is kept.
func (c *client) connect(w http.ResponseWriter) (err error) {
	c.conn, err = net.Dial("tcp", "db:1")
	return err
}

func dial(w http.ResponseWriter) (net.Conn, error) { return net.Dial("tcp", "db:1") } // want dial:"returns a new connection"

// One that retries until it has one.
func retry() net.Conn { // want retry:"returns a new connection"
	for {
		if conn, err := net.Dial("tcp", "db:1"); err == nil {
			return conn
		}
	}
}

// A probe.
func wait() {
	for {
		conn, err := net.DialTimeout("tcp", "db:1", time.Second)
		if err == nil {
			conn.Close()
			return
		}
	}
}

// A push, now and then.
func push(every *time.Ticker) {
	for {
		select {
		case <-every.C:
			conn, _ := net.Dial("tcp", "graphite:2003")
			io.WriteString(conn, "x")
			conn.Close()
		}
	}
}

// A tunnel.
func connect(w http.ResponseWriter, r *http.Request) {
	up, _ := net.Dial("tcp", r.Host)
	down, _, _ := w.(http.Hijacker).Hijack()
	go io.Copy(up, down)
	io.Copy(down, up)
}

func udp(w http.ResponseWriter) {
	conn, _ := net.Dial("udp", "statsd:8125")
	io.WriteString(conn, "x:1|c")
	conn.Close()
}

// Called by whoever likes, as often as he likes: a client's own business.
func Send(msg string) error {
	conn, err := net.Dial("tcp", "mail:25")
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.WriteString(conn, msg)
	return err
}

// A proxy, of connections rather than of requests.
func proxy(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err == nil {
			go join(conn, "10.0.0.1:80")
		}
	}
}

func join(conn net.Conn, addr string) {
	to, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer to.Close()
	go io.Copy(to, conn)
	io.Copy(conn, to)
}

func accepts(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", "10.0.0.1:80")
		if err != nil {
			continue
		}
		io.Copy(to, conn)
		to.Close()
	}
}

// Each turn has another server.
func each(servers []string) {
	for _, s := range servers {
		go stats(s)
	}
}

func stats(server string) {
	addr := strings.TrimPrefix(server, "tcp://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "show stat")
}

// One server, however many lines.
type sink struct{ addr string }

func (s *sink) flush(lines []string) {
	for _, l := range lines {
		s.send(l)
	}
}

func (s *sink) send(line string) {
	conn, err := net.Dial("tcp", s.addr) // want `a new connection in every turn of a loop`
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, line)
}

// Its server says all there is and closes.
func report(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "stats:1717")
	if err != nil {
		return
	}
	defer conn.Close()
	io.Copy(w, conn)
}

// It may be a unix socket.
func either(w http.ResponseWriter, r *http.Request, network, addr string) {
	conn, err := net.Dial(network, addr)
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "x")
}

// The address is the same for the loop, whoever gave it.
func serveOne(addr string, lines []string) {
	for _, l := range lines {
		conn, err := net.Dial("tcp", addr) // want `a new connection in every turn of a loop`
		if err != nil {
			return
		}
		io.WriteString(conn, l)
		conn.Close()
	}
}

func bound(w http.ResponseWriter) {
	var d net.Dialer
	dial := d.Dial
	conn, err := dial("tcp", "db:1") // want `a new connection for every request that reaches bound`
	if err != nil {
		return
	}
	io.WriteString(conn, "x")
	conn.Close()
}

// A handshake is all.
func checks(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "db:1")
	if err != nil {
		return
	}
	defer conn.Close()
	if err := tls.Client(conn, nil).HandshakeContext(r.Context()); err != nil {
		http.Error(w, "down", 500)
	}
}

// More than that.
func overTLS(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "db:1") // want `a new connection for every request that reaches overTLS`
	if err != nil {
		return
	}
	defer conn.Close()
	tls.Client(conn, nil).Write([]byte("x"))
}

// Both ways: a tunnel.
func joins(w http.ResponseWriter, stream io.ReadWriter) {
	conn, err := net.Dial("tcp", "db:1")
	if err != nil {
		return
	}
	defer conn.Close()
	done := make(chan error, 2)
	go func() { _, err := io.Copy(stream, conn); done <- err }()
	go func() { _, err := io.Copy(conn, stream); done <- err }()
	<-done
}

// One way.
func sends(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "db:1") // want `a new connection for every request that reaches sends`
	if err != nil {
		return
	}
	defer conn.Close()
	io.Copy(conn, r.Body)
}

var conns = make(chan net.Conn, 4)

// It is kept, if there is room.
func returns(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "db:1")
	if err != nil {
		return
	}
	io.WriteString(conn, "get x\r\n")
	select {
	case conns <- conn:
	default:
		conn.Close()
	}
}
