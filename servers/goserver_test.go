//go:build linux

package servers

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// goServer is net/http's, in this test's program, started once more.
var goServer = &program{
	configure: configureGo,
	stop:      syscall.SIGTERM,
}

// TestMain is also the Go server.
func TestMain(m *testing.M) {
	if os.Getenv("BERTH_SERVERS_CHILD") != "" {
		serve(os.Args[1:])
		return
	}
	os.Exit(m.Run())
}

func TestGo(t *testing.T) {
	const soon, late = 30 * time.Millisecond, 300 * time.Millisecond
	goServer.play(t, []scenario{
		{"keep-alive race", keepAliveRace, needs{keepAlive: soon}},
		{"keep-alive race over TLS", keepAliveRace, needs{keepAlive: soon, tls: true}},
		{"keep-alive race over h2", keepAliveRace, needs{keepAlive: soon, h2: true}},
		{"stall", stalled, needs{keepAlive: late}},
		{"stall over h2", stalled, needs{keepAlive: late, h2: true}},
		{"kill", killed, needs{held: true}},
		{"kill over TLS", killed, needs{held: true, tls: true}},
		{"kill over h2", killed, needs{held: true, h2: true}},
		{"restart", restarted, needs{}},
		{"restart over h2", restarted, needs{h2: true}},
		{"rolling restart", renewed, needs{held: true}},
		{"rolling restart over TLS", renewed, needs{held: true, tls: true}},
		{"rolling restart over h2", renewed, needs{held: true, h2: true}},
		{"no keep-alive", onePerConn, needs{keepAlive: -1}},
		{"request says close", onePerConn, needs{}},
		{"4 streams", crowded, needs{streams: 4, h2: true}},
		{"upload refused", refused, needs{maxBody: 1 << 20}},
		{"upload refused over h2", refused, needs{maxBody: 1 << 20, h2: true}},
	})
}

func configureGo(s *server) ([]string, error) {
	args := []string{
		"-generation", strconv.Itoa(s.generation),
		"-ids", s.file("ids"),
		"-idle", s.idle().String(),
		"-max-body", strconv.Itoa(s.maxBody),
		"-streams", strconv.Itoa(s.streams),
	}
	if !s.held {
		args = append(args, "-addr", s.addr)
	}
	if s.overTLS() {
		args = append(args, "-cert", s.file("cert.pem"), "-key", s.file("key.pem"))
	}
	if s.h2 {
		args = append(args, "-h2")
	}
	return args, nil
}

// serve is the Go server. Without an address it is given its listener.
func serve(args []string) {
	f := flag.NewFlagSet("", flag.ExitOnError)
	addr := f.String("addr", "", "")
	cert := f.String("cert", "", "")
	generation := f.String("generation", "", "")
	h2 := f.Bool("h2", false, "")
	idle := f.Duration("idle", 0, "")
	ids := f.String("ids", "", "")
	key := f.String("key", "", "")
	maxBody := f.Int("max-body", 0, "")
	streams := f.Int("streams", 0, "")
	f.Parse(args)

	file, err := openIDs(*ids)
	if err != nil {
		log.Fatal(err)
	}
	srv := http.Server{
		Handler:     &echo{ids: file, generation: *generation, maxBody: *maxBody},
		IdleTimeout: *idle,
		HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: *streams},
		Protocols:   new(http.Protocols),
	}
	srv.SetKeepAlivesEnabled(*idle > 0)
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(*h2)

	var l net.Listener
	if *addr != "" {
		l, err = net.Listen("tcp", *addr)
	} else {
		l, err = net.FileListener(os.NewFile(3, "listener"))
	}
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		srv.Shutdown(context.Background())
	}()
	if *cert != "" {
		err = srv.ServeTLS(l, *cert, *key)
	} else {
		err = srv.Serve(l)
	}
	if err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-ended
}
