package tracer

import (
	"testing"

	"github.com/berth-go/berth/cmd/berth/internal/symbol"
)

// TestApplication: below which frame the application's begin.
func TestApplication(t *testing.T) {
	goFrame := func(name string) symbol.Frame {
		return symbol.Frame{Function: name, File: "/src/x.go", Line: 1, Module: "orders"}
	}
	java := func(name string) symbol.Frame { return symbol.Frame{Function: name} }
	tests := []struct {
		name  string
		stack []symbol.Frame
		want  int
	}{
		{"net/http", []symbol.Frame{goFrame("net/http.(*Transport).queueForDial"), goFrame("net/http.(*Client).do"), goFrame("main.fetch"), goFrame("runtime.main")}, 2},
		{"a client library", []symbol.Frame{goFrame("net/http.Get"), goFrame("github.com/go-resty/resty/v2.(*Client).execute"), goFrame("acme.com/orders.fetch")}, 2},
		{"berth's own client", []symbol.Frame{goFrame("github.com/berth-go/berth.startDial"), goFrame("github.com/berth-go/berth/cmd/berth/internal/demo.run")}, 1},
		{"fasthttp", []symbol.Frame{goFrame("github.com/valyala/fasthttp.(*TCPDialer).Dial"), goFrame("main.main")}, 1},
		{"x/net/http2", []symbol.Frame{goFrame("golang.org/x/net/http2.(*Transport).RoundTrip"), goFrame("main.main")}, 1},
		{"a module without a dot", []symbol.Frame{goFrame("net.Dial"), goFrame("orders/client.fetch")}, 1},
		{"nothing of the application", []symbol.Frame{goFrame("net/http.(*Transport).dialConnFor"), goFrame("runtime.goexit")}, -1},
		{"java", []symbol.Frame{{Function: "__connect", Module: "libc.so.6"}, java("java.net.Socket.connect"), java("com.acme.Client.fetch"), {Function: "JavaMain", Module: "libjli.so"}}, 2},
		{"java, interpreted", []symbol.Frame{{Function: "__connect", Module: "libc.so.6"}, java("Interpreter"), {Function: "JavaMain", Module: "libjli.so"}}, -1},
		{"node", []symbol.Frame{{Function: "node::TCPWrap::Connect", Module: "node"}, {Function: "internalConnect", File: "node:net", Line: 1}, {Function: "fetchOrder", File: "/app/orders.js", Line: 3}}, 2},
		{"python", []symbol.Frame{{Function: "sock_connect", Module: "python3.12"}, {Function: "create_connection", File: "/usr/lib/python3.12/socket.py"}, {Function: "fetch", File: "/app/orders.py"}}, 2},
		{"a Go package that is called as Python's", []symbol.Frame{goFrame("net/http.Get"), {Function: "acme.com/requests.Fetch", File: "/src/requests/fetch.go", Line: 1}}, 1},
		{"a program that is called nearly as Node", []symbol.Frame{{Function: "__connect", Module: "libc.so.6"}, {Function: "sync_blocks", Module: "nodeos"}}, 1},
		{"C", []symbol.Frame{{Function: "__connect", Module: "libc.so.6"}, {Function: "fetch_order", Module: "orders"}}, 1},
		{"without names", []symbol.Frame{{Module: "libc.so.6"}, {}}, -1},
		{"nothing", nil, -1},
	}
	for _, tt := range tests {
		if got := application(tt.stack); got != tt.want {
			t.Errorf("%s: frame %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestLayouts: a release that is not known is not looked into.
func TestLayouts(t *testing.T) {
	for release, want := range map[string]bool{"go1.26.8": true, "go1.22.0": true, "go1.25.1 X:greenteagc": true, "go1.21.13": false, "go1.99": false, "devel go1.27-0123456789": false, "": false} {
		if _, known := (executable{Object: &symbol.Object{}}).probes(release); known != want {
			t.Errorf("%q: %v, want %v", release, known, want)
		}
	}
}
