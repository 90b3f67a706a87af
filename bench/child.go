package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// serveVerb makes this program the server. It is for itself only.
const serveVerb = "serve"

// goCommand prepares this program, once more, as the server.
func (s *server) goCommand(ctx context.Context, n serverNeeds, addr string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{serveVerb, "-addr", addr, "-delay", n.delay.String(), "-streams", strconv.Itoa(n.Streams)}
	if n.TLS {
		args = append(args, "-certificate", s.dir)
	}
	if n.HTTP2 {
		args = append(args, "-http2")
	}
	s.name = "net/http server"
	s.cmd = exec.CommandContext(ctx, self, args...)
	return nil
}

// serve is the child: it answers until it is killed.
func serve(args []string, stderr io.Writer) int {
	f := flag.NewFlagSet(serveVerb, flag.ContinueOnError)
	f.SetOutput(stderr)
	addr := f.String("addr", "", "listen on this `address`")
	var s serving
	f.DurationVar(&s.delay, "delay", 0, "wait before each answer")
	f.StringVar(&s.dir, "certificate", "", "speak TLS, with the certificate in this `folder`")
	f.BoolVar(&s.http2, "http2", false, "speak HTTP/2 and nothing else")
	f.IntVar(&s.streams, "streams", 0, "allow so many `streams` a connection")
	if err := f.Parse(args); err != nil {
		return 2
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stderr, s.on(l))
	return 1
}

// serving is how the child serves.
type serving struct {
	dir     string // of the certificate; none over plain TCP
	delay   time.Duration
	http2   bool
	streams int // a connection; zero is net/http's own limit
}

func (s serving) on(l net.Listener) error {
	one := new(http.Protocols)
	one.SetHTTP1(!s.http2)
	one.SetHTTP2(s.http2)
	srv := http.Server{
		Protocols: one,
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: s.streams},
		Handler:   s,
	}
	if s.dir == "" {
		return srv.Serve(l)
	}
	return srv.ServeTLS(l, filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem"))
}

func (s serving) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if s.delay > 0 {
		time.Sleep(s.delay)
	}
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, answer)
}
