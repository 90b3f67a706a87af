package verdict

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
)

// site is a call that goes through net/http.
func site(connections, transports, maxIdle int, noKeepAlive bool) []bill.Site {
	return []bill.Site{{Function: "main.fetch", File: "/src/a.go", Line: 7, Connections: connections, Through: bill.NetHTTP, Transports: transports, MaxIdle: maxIdle, NoKeepAlive: noKeepAlive}}
}

var goProcess = bill.Process{PID: 1, Command: "orders", Go: "go1.26.8"}

func TestVerdicts(t *testing.T) {
	const (
		readLoop = "http: persistConn.readLoop exiting"
		fullHost = "http: putIdleConn: too many idle connections for host"
	)
	tests := []struct {
		name string
		g    bill.Group
		code string
		says string
	}{
		{"no port at all", bill.Group{Failed: map[string]int{"EADDRNOTAVAIL": 9, "ECONNREFUSED": 1}}, "connects-fail", "no local port is free (EADDRNOTAVAIL)"},
		{"refused", bill.Group{Failed: map[string]int{"ECONNREFUSED": 1}}, "connects-fail", "1 attempt failed, since nobody listens there"},
		{"an error without words", bill.Group{Failed: map[string]int{"errno 7": 2}}, "connects-fail", "since errno 7"},
		{"few", bill.Group{Connections: 4, ClosedByUs: 4, Requests: 1}, "too-few", "4 connections"},
		{"one, used well", bill.Group{Connections: 1, Open: 1, Requests: 200}, "reused", "200 requests each"},
		{"many requests each, though they close", bill.Group{Connections: 100, ClosedByUs: 100, Requests: 10}, "reused", ""},
		{"open, and worked twice", bill.Group{Connections: 20, Open: 20, Requests: 2.1}, "reused", ""},
		{"a Transport a call", bill.Group{Process: goProcess, Connections: 400, Open: 400, Requests: 1, Sites: site(400, 400, 0, false)}, "transport-per-call", "400 connections by 400"},
		{"their addresses come again", bill.Group{Process: goProcess, Connections: 400, ClosedByUs: 400, Requests: 1, Sites: site(400, 210, 0, false), CloseReasons: map[string]int{"http: CloseIdleConnections called": 400}}, "transport-per-call", ""},
		{"many at one address", bill.Group{Process: goProcess, Connections: 400, ClosedByPeer: 400, Requests: 6.1, Sites: site(400, 70, 0, false)}, "transport-per-call", "70 of them or more"},
		{"ten that last", bill.Group{Process: goProcess, Connections: 400, ClosedByUs: 400, Requests: 6.1, Sites: site(400, 10, 0, false)}, "partly-reused", ""},
		{"two Transports are no habit", bill.Group{Process: goProcess, Connections: 6, ClosedByUs: 6, Requests: 1, Sites: site(4, 2, 2, false), CloseReasons: map[string]int{fullHost: 6}}, "pool-too-small", ""},
		{"a pool of 2", bill.Group{Process: goProcess, Connections: 300, ClosedByUs: 290, Open: 10, Peak: 40, Requests: 1.5, Sites: site(300, 1, 0, false), CloseReasons: map[string]int{fullHost: 280, readLoop: 10}}, "pool-too-small", "keeps 2 idle connections, and up to 40 were open"},
		{"a pool of 8", bill.Group{Process: goProcess, Connections: 300, ClosedByUs: 300, Peak: 40, Requests: 1.5, Sites: site(300, 1, 8, false), CloseReasons: map[string]int{fullHost: 300}}, "pool-too-small", "keeps 8 idle"},
		{"MaxIdleConns", bill.Group{Process: goProcess, Connections: 300, ClosedByUs: 300, Peak: 40, Requests: 1.5, Sites: site(300, 1, 8, false), CloseReasons: map[string]int{"http: putIdleConn: too many idle connections": 300}}, "pool-too-small", "MaxIdleConns, for all hosts"},
		{"keep-alives off", bill.Group{Process: goProcess, Connections: 300, ClosedByPeer: 290, ClosedByUs: 10, Requests: 1, Sites: site(300, 1, 0, true), CloseReasons: map[string]int{readLoop: 300}}, "keepalives-disabled", ""},
		{"keep-alives off by MaxIdleConnsPerHost", bill.Group{Process: goProcess, Connections: 300, ClosedByUs: 300, Requests: 1, Sites: site(300, 1, -1, false), CloseReasons: map[string]int{"http: putIdleConn: keep alives disabled": 300}}, "keepalives-disabled", ""},
		{"CloseIdleConnections", bill.Group{Process: goProcess, Connections: 300, ClosedByUs: 300, Requests: 1, Sites: site(300, 1, 0, false), CloseReasons: map[string]int{"http: CloseIdleConnections called": 200, "http: putIdleConn: CloseIdleConnections was called": 100}}, "close-idle", ""},
		{"cancelled, in several words", bill.Group{Process: goProcess, Connections: 300, ClosedByUs: 300, Requests: 1, Life: bill.Quantiles{P50: 3 * time.Millisecond}, Sites: site(300, 1, 0, false), CloseReasons: map[string]int{"net/http: request canceled": 160, "context deadline exceeded": 140}}, "requests-cancelled", "they live 3 ms"},
		{"the server is done first", bill.Group{Process: goProcess, Connections: 300, ClosedByPeer: 300, Requests: 1, Sites: site(300, 1, 0, false), CloseReasons: map[string]int{"http: server closed idle connection": 300}}, "server-closes-idle", ""},
		{"too idle", bill.Group{Process: goProcess, Connections: 30, ClosedByUs: 30, Requests: 1, Sites: site(30, 1, 0, false), CloseReasons: map[string]int{"http: idle connection timeout": 30}}, "idle-timeout", ""},
		{"bodies", bill.Group{Process: goProcess, Connections: 300, Reset: 298, ClosedByUs: 2, Requests: 1, Sites: site(300, 1, 0, false), CloseReasons: map[string]int{readLoop: 300}}, "body-not-read", ""},
		{"a leak", bill.Group{Connections: 100, Open: 100, Requests: 1}, "connection-leak", "100 of 100, after"},
		{"net.Dial", bill.Group{Process: goProcess, Connections: 100, ClosedByUs: 100, Requests: 1, Sites: []bill.Site{{Function: "main.dial", Connections: 100}}}, "dial-per-call", ""},
		{"the server closes", bill.Group{Process: goProcess, Connections: 300, ClosedByPeer: 290, ClosedByUs: 10, Requests: 1, Sites: site(300, 1, 0, false), CloseReasons: map[string]int{readLoop: 300}}, "server-closes", "after 1.0 requests"},
		{"resets", bill.Group{Connections: 100, Reset: 90, ClosedByUs: 10, Requests: 1}, "resets", ""},
		{"any language", bill.Group{Connections: 100, ClosedByUs: 90, Open: 10, Requests: 1}, "one-connection-a-request", ""},
		{"large requests, a connection each", bill.Group{Process: goProcess, Connections: 50, ClosedByPeer: 50, Requests: 30, Sites: site(50, 1, 0, true), CloseReasons: map[string]int{readLoop: 50}}, "keepalives-disabled", ""},
		{"one client, at three calls", bill.Group{Process: goProcess, Connections: 6, ClosedByUs: 6, Peak: 3, Requests: 1, Sites: append(append(site(2, 1, 0, false), site(2, 1, 0, false)...), site(2, 1, 0, false)...), CloseReasons: map[string]int{fullHost: 6}}, "pool-too-small", ""},
		{"in between", bill.Group{Process: goProcess, Connections: 100, ClosedByUs: 100, Requests: 4.2, CloseReasons: map[string]int{"write error": 80}}, "partly-reused", "4.2 requests each, then write error"},
		{"a port was wanting, too", bill.Group{Connections: 100, ClosedByUs: 90, Open: 10, Requests: 1, Failed: map[string]int{"EADDRNOTAVAIL": 3}}, "one-connection-a-request", "; 3 connects failed: no local port was free"},
		{"berth's own words", bill.Group{Process: goProcess, Connections: 100, ClosedByUs: 100, Peak: 9, Requests: 1, Sites: []bill.Site{{Function: "main.fetch", Connections: 100, Through: bill.Berth, Transports: 1, MaxIdle: -1}}, CloseReasons: map[string]int{"too many idle connections for host": 100}}, "pool-too-small", "9 connections were open"},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		for _, site := range tt.g.Sites {
			tt.g.Transports = max(tt.g.Transports, site.Transports)
		}
		tt.g.Destination = netip.MustParseAddrPort("10.0.0.7:80")
		v := Of(&tt.g)
		seen[v.Code] = true
		if v.Code != tt.code || !strings.Contains(v.What, tt.says) {
			t.Errorf("%s: %s: %s; want %s: %s", tt.name, v.Code, v.What, tt.code, tt.says)
		}
		if !v.Good() && len(v.Do) == 0 {
			t.Errorf("%s: nothing to do about %s", tt.name, v.Code)
		}
	}
	for _, code := range Codes() {
		if !seen[code] {
			t.Errorf("no test has the verdict %s", code)
		}
	}
}

// TestDocs: each verdict has a heading in the page that its Docs names.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/trace.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range Codes() {
		if !strings.Contains(string(page), "\n### "+code+"\n") {
			t.Errorf("docs/trace.md has no heading %s", code)
		}
	}
}
