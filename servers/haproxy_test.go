//go:build linux

package servers

import (
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// haproxy has its answers from a server in the test: what the client has to do
// with is haproxy's side all the same.
var haproxy = &program{
	name:      "haproxy",
	prepare:   echoBackend,
	configure: configureHaproxy,
	stop:      syscall.SIGTERM,
	reload:    syscall.SIGUSR2,
}

func TestHaproxy(t *testing.T) {
	const soon, late = 30 * time.Millisecond, 300 * time.Millisecond
	haproxy.play(t, []scenario{
		{"keep-alive race", keepAliveRace, needs{keepAlive: soon}},
		{"keep-alive race over h2", keepAliveRace, needs{keepAlive: soon, h2: true, lossy: true}},
		{"stall", stalled, needs{keepAlive: late}},
		{"stall over h2", stalled, needs{keepAlive: late, h2: true}},
		{"kill", killed, needs{held: true}},
		{"kill over h2", killed, needs{held: true, h2: true}},
		{"restart", restarted, needs{}},
		{"reload", renewed, needs{}},
		{"reload over TLS", renewed, needs{tls: true}},
		{"reload over h2", renewed, needs{h2: true}},
		{"no keep-alive", onePerConn, needs{keepAlive: -1}},
		{"request says close", onePerConn, needs{}},
		{"4 streams", crowded, needs{streams: 4, h2: true}},
		{"upload refused", refused, needs{maxBody: 1 << 20, abrupt: true}},
		{"upload refused over h2", refused, needs{maxBody: 1 << 20, h2: true}},
	})
}

// echoBackend starts a server of the test's own, for a program that has its
// answers from another one.
func echoBackend(t *testing.T, s *server) error {
	ids, err := openIDs(s.file("ids"))
	if err != nil {
		return err
	}
	e := &echo{ids: ids}
	srv := httptest.NewServer(http.HandlerFunc(e.ServeHTTP))
	s.backend = srv.Listener.Addr().String()
	t.Cleanup(func() {
		srv.Close()
		ids.Close()
	})
	return nil
}

func configureHaproxy(s *server) ([]string, error) {
	return []string{"-W", "-f", s.file("haproxy.conf")}, s.write("haproxy.conf", haproxyConf)
}

var haproxyConf = template.Must(template.New("").Parse(`
global
	maxconn 500
	hard-stop-after 10s
	stats socket "{{.File "socket"}}" expose-fd listeners level admin
	tune.h2.max-concurrent-streams {{.Streams}}

defaults
	mode http
	timeout connect 10s
	timeout client 30s
	timeout server 30s
	timeout http-keep-alive {{.Idle}}ms
	{{if not .Idle}}option httpclose{{end}}

frontend f
	bind {{if .Held}}fd@3{{else}}{{.Addr}}{{end}}{{if .TLS}} ssl crt "{{.File "both.pem"}}" alpn {{if .H2}}h2,{{end}}http/1.1{{end}}
	http-request return status 413 if { req.hdr(content-length) -m int gt {{.MaxBody}} }
	http-after-response set-header X-Generation {{.Generation}}
	default_backend b

backend b
	server s {{.Backend}}
`))
