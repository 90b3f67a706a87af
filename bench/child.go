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
	args := []string{serveVerb, "-addr", addr, "-delay", n.delay.String()}
	if n.tls {
		args = append(args, "-certificate", s.dir)
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
	delay := f.Duration("delay", 0, "wait before each answer")
	dir := f.String("certificate", "", "speak TLS, with the certificate in this `folder`")
	if err := f.Parse(args); err != nil {
		return 2
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stderr, serveOn(l, *dir, *delay))
	return 1
}

func serveOn(l net.Listener, dir string, delay time.Duration) error {
	h1 := new(http.Protocols)
	h1.SetHTTP1(true)
	s := http.Server{Protocols: h1, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if delay > 0 {
			time.Sleep(delay)
		}
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, answer)
	})}
	if dir == "" {
		return s.Serve(l)
	}
	return s.ServeTLS(l, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
}
