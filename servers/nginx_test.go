//go:build linux

package servers

import (
	"syscall"
	"testing"
	"text/template"
	"time"
)

var nginx = &program{
	name:      "nginx",
	configure: configureNginx,
	stop:      syscall.SIGTERM,
	reload:    syscall.SIGHUP,
}

func TestNginx(t *testing.T) {
	const soon, late = 30 * time.Millisecond, 300 * time.Millisecond
	nginx.play(t, []scenario{
		{"keep-alive race", keepAliveRace, needs{keepAlive: soon}},
		{"keep-alive race over TLS", keepAliveRace, needs{keepAlive: soon, tls: true}},
		{"keep-alive race over h2", keepAliveRace, needs{keepAlive: soon, h2: true, lossy: true}},
		{"stall", stalled, needs{keepAlive: late}},
		{"stall over h2", stalled, needs{keepAlive: late, h2: true}},
		{"kill", killed, needs{held: true}},
		{"kill over h2", killed, needs{held: true, h2: true}},
		{"restart", restarted, needs{}},
		{"reload", renewed, needs{}},
		{"reload over TLS", renewed, needs{tls: true}},
		{"reload over h2", renewed, needs{h2: true}},
		{"3 requests a connection", fewPerConn, needs{perConn: 3}},
		{"20 requests a connection over h2", fewPerConn, needs{perConn: 20, h2: true}},
		{"no keep-alive", onePerConn, needs{keepAlive: -1}},
		{"request says close", onePerConn, needs{}},
		{"4 streams", crowded, needs{streams: 4, h2: true}},
		{"upload refused", refused, needs{maxBody: 1 << 20}},
		{"upload refused over TLS", refused, needs{maxBody: 1 << 20, tls: true}},
		{"upload refused, and the connection cut", refused, needs{maxBody: 1 << 20, abrupt: true}},
		{"upload refused over h2", refused, needs{maxBody: 1 << 20, h2: true}},
	})
}

func configureNginx(s *server) ([]string, error) {
	return []string{"-p", s.dir, "-c", s.file("nginx.conf"), "-e", "stderr"}, s.write("nginx.conf", nginxConf)
}

// lingering_close has it read on behind an answer that refuses: else a reset may
// overtake the answer.
var nginxConf = template.Must(template.New("").Parse(`
{{if .Root}}user root;{{end}}
daemon off;
worker_processes 1;
pid "{{.File "nginx.pid"}}";
error_log stderr crit;

events {
	worker_connections 512;
}

http {
	log_format id "$http_x_id";
	access_log "{{.File "ids"}}" id;
	default_type text/plain;

	keepalive_timeout {{.Idle}}ms;
	keepalive_requests {{.PerConn}};
	lingering_close {{if .Abrupt}}off{{else}}always{{end}};
	client_max_body_size {{.MaxBody}};
	http2_max_concurrent_streams {{.Streams}};

	client_body_temp_path "{{.File "body"}}";
	proxy_temp_path "{{.File "proxy"}}";
	fastcgi_temp_path "{{.File "fastcgi"}}";
	uwsgi_temp_path "{{.File "uwsgi"}}";
	scgi_temp_path "{{.File "scgi"}}";

	server {
		listen {{.Addr}}{{if .TLS}} ssl{{end}}{{if .H2}} http2{{end}};
{{- if .TLS}}
		ssl_certificate "{{.File "cert.pem"}}";
		ssl_certificate_key "{{.File "key.pem"}}";
{{- end}}
		add_header X-Id $http_x_id always;
		add_header X-Generation {{.Generation}} always;
		location / {
			return 200 $http_x_id;
		}
	}
}
`))
