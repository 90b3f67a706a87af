// The shapes in which a connection is dialed for every request, and beside each the one
// that is right.
package shapes

import (
	"fmt"
	"io"
	"net"
	"net/http"

	"peer"
)

func plain(lines []string) {
	for _, l := range lines {
		conn, err := net.Dial("tcp", "log:514") // want `a new connection in every turn of a loop`
		if err != nil {
			return
		}
		io.WriteString(conn, l)
		conn.Close()
	}
}

func plainRight(lines []string) {
	conn, err := net.Dial("tcp", "log:514")
	if err != nil {
		return
	}
	for _, l := range lines {
		io.WriteString(conn, l)
	}
	conn.Close()
}

type sink struct {
	addr string
	conn net.Conn
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.method(r.URL.Path) }

func (s *sink) method(line string) {
	conn, err := net.Dial("tcp", s.addr) // want `a new connection for every request that reaches method`
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, line)
}

func (s *sink) methodRight(w http.ResponseWriter, r *http.Request) {
	if s.conn == nil {
		s.conn, _ = net.Dial("tcp", s.addr)
	}
	io.WriteString(s.conn, r.URL.Path)
}

func closure(w http.ResponseWriter, r *http.Request) {
	func() {
		conn, err := net.Dial("tcp", "log:514") // want `a new connection for every request that reaches closure`
		if err != nil {
			return
		}
		defer func() { conn.Close() }()
		io.WriteString(conn, r.URL.Path)
	}()
}

func closureRight() http.HandlerFunc {
	conn, _ := net.Dial("tcp", "log:514")
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(conn, r.URL.Path) }
}

func say(line string) {
	conn, err := net.Dial("tcp", "log:514") // want `a new connection for every request that reaches say`
	if err != nil {
		return
	}
	write(conn, line)
	conn.Close()
}

func write(conn net.Conn, line string) { io.WriteString(conn, line) }

func helper(w http.ResponseWriter, r *http.Request) { say(r.URL.Path) }

func open() (net.Conn, error) { // want open:"returns a new connection"
	conn, err := net.Dial("tcp", "log:514")
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return conn, nil
}

func helperReturns(w http.ResponseWriter, r *http.Request) {
	conn, err := open() // want `a new connection, from open, for every request that reaches helperReturns, closed with it`
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, r.URL.Path)
}

func helperElsewhere(w http.ResponseWriter, r *http.Request) {
	conn, err := peer.Dial("log:514") // want `a new connection, from Dial, for every request that reaches helperElsewhere`
	if err != nil {
		return
	}
	io.WriteString(conn, r.URL.Path)
	conn.Close()
}

func helperRepeats(lines []string) {
	for _, l := range lines {
		conn := peer.MustDial() // want `a new connection, from MustDial, in every turn of a loop`
		io.WriteString(conn, l)
		conn.Close()
	}
}

// Each is another, or is kept.
func helperRights(addrs []string) {
	for _, a := range addrs {
		conn, err := peer.Dial(a)
		if err != nil {
			continue
		}
		io.WriteString(conn, "x")
		conn.Close()
	}
	for range addrs {
		if peer.Kept() != nil {
			io.WriteString(peer.Kept(), "x")
		}
	}
}

func once(line string) {
	conn, err := net.Dial("tcp", "log:514")
	if err != nil {
		return
	}
	write(conn, line)
	conn.Close()
}

func helperRight() { once("started") }

type dialer interface {
	Dial(network, addr string) (net.Conn, error)
}

// Interface is any dialer: one that keeps connections, for one.
func Interface(d dialer, w http.ResponseWriter) {
	conn, err := d.Dial("tcp", "log:514")
	if err != nil {
		return
	}
	io.WriteString(conn, "x")
	conn.Close()
}

func generic[T ~string](lines []T) {
	for _, l := range lines {
		conn, err := net.Dial("tcp", "log:514") // want `a new connection in every turn of a loop`
		if err != nil {
			return
		}
		io.WriteString(conn, string(l))
		conn.Close()
	}
}

func genericRight[T ~string](addrs []T) {
	for _, a := range addrs {
		conn, err := net.Dial("tcp", string(a)) // each is another
		if err != nil {
			return
		}
		io.WriteString(conn, "x")
		conn.Close()
	}
}

func handler(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "log:514") // want `a new connection for every request that reaches handler`
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, r.URL.Path)
}

func handlerRight(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "log:514")
	if err != nil {
		return
	}
	conn.Close() // it is asked whether it is there
}

type option func(*net.Dialer)

func options(w http.ResponseWriter, opts ...option) {
	d := &net.Dialer{}
	for _, o := range opts {
		o(d)
	}
	conn, err := d.Dial("tcp", "log:514") // want `a new connection for every request that reaches options`
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "x")
}

func optionsRight(opts ...option) (net.Conn, error) { // want optionsRight:"returns a new connection"
	d := &net.Dialer{}
	for _, o := range opts {
		o(d)
	}
	return d.Dial("tcp", "log:514")
}
