package demo

import (
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
)

// A server answers at once, and counts the connections that reach it.
type server struct {
	addr        addrPort
	connections atomic.Int64
	http        http.Server
	done        chan struct{}
}

func serve() (*server, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{addr: l.Addr().(*net.TCPAddr).AddrPort(), done: make(chan struct{})}
	s.http.Handler = http.HandlerFunc(answer)
	s.http.ConnState = s.count
	s.http.ErrorLog = log.New(io.Discard, "", 0)
	go func() {
		defer close(s.done)
		s.http.Serve(l) // ends with ErrServerClosed, by close
	}()
	return s, nil
}

func answer(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }

func (s *server) count(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.connections.Add(1)
	}
}

func (s *server) close() {
	s.http.Close()
	<-s.done
}
