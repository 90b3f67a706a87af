//go:build linux

package servers

import (
	"os"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// apache can't be given a listener, so it is not killed here.
var apache = &program{
	name:      "apache2",
	configure: configureApache,
	stop:      syscall.SIGTERM,
	reload:    syscall.SIGUSR1,
	slack:     110 * time.Millisecond, // it looks after idle connections ten times a second
}

func TestApache(t *testing.T) {
	const soon, late = 30 * time.Millisecond, 300 * time.Millisecond
	apache.play(t, []scenario{
		{"keep-alive race", keepAliveRace, needs{keepAlive: soon}},
		{"keep-alive race over h2", keepAliveRace, needs{keepAlive: soon, h2: true}},
		{"stall", stalled, needs{keepAlive: late}},
		{"stall over h2", stalled, needs{keepAlive: late, h2: true}},
		{"restart", restarted, needs{}},
		{"reload", renewed, needs{}},
		{"reload over h2", renewed, needs{h2: true, lossy: true}},
		{"3 requests a connection", fewPerConn, needs{perConn: 3}},
		{"20 requests a connection over h2", fewPerConn, needs{perConn: 20, h2: true}},
		{"no keep-alive", onePerConn, needs{keepAlive: -1}},
		{"request says close", onePerConn, needs{}},
		{"4 streams", crowded, needs{streams: 4, h2: true}},
		{"upload refused", refused, needs{maxBody: 1 << 20}},
		{"upload refused over h2", refused, needs{maxBody: 1 << 20, h2: true}},
	})
}

// configureApache has the answer be a page with server-side includes: a file has
// no answer to POST, and its other dynamic answers are other programs.
func configureApache(s *server) ([]string, error) {
	if s.generation == 1 {
		page := []byte(`<!--#echo var="HTTP_X_ID" -->`)
		if err := os.WriteFile(s.file("page"), page, 0o644); err != nil {
			return nil, err
		}
	}
	return []string{"-DFOREGROUND", "-d", s.dir, "-f", s.file("apache.conf")}, s.write("apache.conf", apacheConf)
}

var apacheConf = template.Must(template.New("").Parse(`
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule include_module /usr/lib/apache2/modules/mod_include.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so

{{if .Root}}User www-data
Group www-data{{end}}
Listen {{.Addr}}
ServerName 127.0.0.1
PidFile "{{.File "apache.pid"}}"
DefaultRuntimeDir "{{.File "."}}"
ErrorLog "{{.File "errors"}}"
LogLevel warn
LogFormat "%{X-Id}i" id
CustomLog "{{.File "ids"}}" id

StartServers 1
ServerLimit 8
ThreadsPerChild 32
MaxRequestWorkers 128
MinSpareThreads 1
MaxSpareThreads 128

KeepAlive {{if .Idle}}On{{else}}Off{{end}}
{{if .Idle}}KeepAliveTimeout {{.Idle}}ms{{end}}
MaxKeepAliveRequests {{.PerConn}}
LimitRequestBody {{.MaxBody}}

{{if .TLS}}
SSLEngine on
SSLCertificateFile "{{.File "cert.pem"}}"
SSLCertificateKeyFile "{{.File "key.pem"}}"
{{end}}
{{if .H2}}
Protocols h2 http/1.1
H2MaxSessionStreams {{.Streams}}
# LimitRequestBody is for who reads the body, which over HTTP/2 nobody does.
<If "%{HTTP:Content-Length} -gt {{.MaxBody}}">
	Redirect 413 /
</If>
{{end}}

Header always set X-Id "expr=%{HTTP:X-Id}"
Header always set X-Generation {{.Generation}}

DocumentRoot "{{.File "."}}"
DirectoryIndex page
<Directory "{{.File "."}}">
	Require all granted
	Options +Includes
	ForceType text/html
	SetOutputFilter INCLUDES
</Directory>
`))
