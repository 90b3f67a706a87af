package explain

import (
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// lines are what programs write, the error that it is, and the destination in it. An empty error is for lines
// that only look like one.
var lines = []struct{ line, name, destination string }{
	// Go
	{`Get "http://10.0.3.7:8080/orders": dial tcp 10.0.3.7:8080: connect: cannot assign requested address`, "no local port", "10.0.3.7:8080"},
	{`dial tcp [2001:db8:0::7]:443: connect: cannot assign requested address`, "no local port", "[2001:db8::7]:443"},
	{`dial tcp 10.0.1.5:0->10.0.3.7:8080: bind: address already in use`, "no port to bind", "10.0.3.7:8080"},
	{`dial tcp 10.0.3.7:8080: socket: too many open files`, "no open file left", "10.0.3.7:8080"},
	{`http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 5ms`, "no open file left", ""},
	{`dial tcp 10.0.3.7:8080: i/o timeout`, "no answer", "10.0.3.7:8080"},
	{`dial tcp 10.0.3.7:8080: connect: operation not permitted`, "connect not permitted", "10.0.3.7:8080"},
	{`listen tcp 10.9.9.9:80: bind: cannot assign requested address`, "address not here", ""},
	{`listen tcp :8080: bind: address already in use`, "", ""},
	{`dial tcp 10.0.3.7:8080: connect: connection refused`, "", ""},
	{`read tcp 10.0.1.5:40000->10.0.3.7:8080: read: connection reset by peer`, "", ""},
	{`dial tcp 10.0.3.7:49152: connect: can't assign requested address`, "no local port", "10.0.3.7:49152"}, // macOS

	// Java
	{`org.apache.http.conn.HttpHostConnectException: Connect to 10.0.3.7:8080 [/10.0.3.7] failed: Cannot assign requested address (connect failed)`, "no local port", "10.0.3.7:8080"},
	{`Caused by: java.net.NoRouteToHostException: Cannot assign requested address (Address not available)`, "no local port", ""},
	{`java.net.BindException: Cannot assign requested address (Bind failed)`, "address not here", ""},
	{`java.net.BindException: Cannot assign requested address: bind`, "address not here", ""},
	{`java.net.BindException: Cannot assign requested address: JVM_Bind`, "address not here", ""},
	{`java.net.ConnectException: Cannot assign requested address: connect`, "no local port", ""},
	{`java.net.SocketException: No buffer space available (maximum connections reached?): connect`, "no port on Windows", ""},
	{`java.net.BindException: Address already in use: connect`, "port not free again on Windows", ""},
	{`java.net.BindException: Address already in use (Bind failed)`, "", ""},
	{`org.apache.http.conn.ConnectionPoolTimeoutException: Timeout waiting for connection from pool`, "pool too small", ""},
	{`Connect to orders.internal:443 [orders.internal/10.0.3.7] failed: Connection timed out (Connection timed out)`, "no answer", "orders.internal:443"},
	{`java.net.SocketException: Too many open files (Socket creation failed)`, "no open file left", ""},

	// Python
	{`requests.exceptions.ConnectionError: HTTPConnectionPool(host='10.0.3.7', port=8080): Max retries exceeded with url: / (Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 99] Cannot assign requested address'))`, "no local port", "10.0.3.7:8080"},
	{`HTTPConnectionPool(host='10.0.3.7', port=8080): Max retries exceeded with url: / (Caused by NewConnectionError('Failed to establish a new connection: [Errno 110] Connection timed out'))`, "no answer", "10.0.3.7:8080"},
	{`httpx.ConnectError: [Errno 49] Can't assign requested address`, "no local port", ""},
	{`Connection pool is full, discarding connection: 10.0.3.7. Connection pool size: 10`, "pool too small", ""},
	{`read tcp 10.0.1.5:40000->10.0.3.7:8080: read: connection timed out`, "", ""},
	{`org.apache.catalina.LifecycleException: Address already in use: cannot start connector`, "", ""},
	{`OSError: [Errno 98] Address already in use`, "", ""},

	// Node
	{`Error: connect EADDRNOTAVAIL 10.0.3.7:8080 - Local (10.0.1.5:0)`, "no local port", "10.0.3.7:8080"},
	{`Error: listen EADDRNOTAVAIL: address not available 10.9.9.9:80`, "address not here", ""},
	{`Error: listen EADDRINUSE: address already in use :::8080`, "", ""},
	{`Error: connect ETIMEDOUT 10.0.3.7:8080`, "no answer", "10.0.3.7:8080"},
	{`Error: connect EMFILE 10.0.3.7:8080 - Local (undefined:undefined)`, "no open file left", "10.0.3.7:8080"},

	// proxies
	{`2026/01/02 12:34:56 [crit] 7#7: *1 connect() to 10.0.3.7:8080 failed (99: Cannot assign requested address) while connecting to upstream, client: 10.0.0.9, server: _, request: "GET / HTTP/1.1", upstream: "http://10.0.3.7:8080/", host: "a"`, "no local port", "10.0.3.7:8080"},
	{`[crit] 7#7: *1 bind(10.9.0.5) failed (99: Cannot assign requested address) while connecting to upstream, client: 10.0.0.9, upstream: "http://10.0.3.7:8080/", host: "a"`, "address not here", ""},
	{`nginx: [emerg] bind() to 10.9.9.9:80 failed (99: Cannot assign requested address)`, "address not here", ""},
	{`nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)`, "", ""},
	{`[error] 7#7: *1 upstream timed out (110: Connection timed out) while connecting to upstream, client: 10.0.0.9, upstream: "http://10.0.3.7:8080/", host: "a"`, "no answer", "10.0.3.7:8080"},
	{`[error] 7#7: *1 upstream timed out (110: Connection timed out) while reading response header from upstream, upstream: "http://10.0.3.7:8080/"`, "", ""},
	{`haproxy[3569]: Connect() failed for backend orders: no free ports.`, "no local port", "backend orders"},
	{`haproxy[3569]: Connect() failed for backend orders: local address already in use.`, "no port to bind", "backend orders"},
	{`[debug][connection] [C2] immediate connect error: Cannot assign requested address|remote address:10.0.3.7:8080`, "no local port", "10.0.3.7:8080"},
	{`upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: immediate connect error: Cannot assign requested address`, "no local port", ""},

	// systems
	{`kernel: nf_conntrack: table full, dropping packet`, "connect not permitted", ""},
	{`connect: no buffer space available`, "no memory for sockets", ""},
	{`connectex: An operation on a socket could not be performed because the system lacked sufficient buffer space or because a queue was full.`, "no port on Windows", ""},
	{`connectex: Only one usage of each socket address (protocol/network address/port) is normally permitted.`, "port not free again on Windows", ""},
	{`Event 4231: A request to allocate an ephemeral port number from the global TCP port space has failed due to all such ports being in use.`, "no port on Windows", ""},
	{`Event 4227: TCP/IP failed to establish an outgoing connection because the selected local endpoint was recently used to connect to the same remote endpoint.`, "port not free again on Windows", ""},

	{``, "", ""},
	{`GET /connect HTTP/1.1 200`, "", ""},
	{"\x00\xff\xfe", "", ""},
}

func TestRecognise(t *testing.T) {
	for _, tt := range lines {
		got := ""
		if s := recognise(tt.line); s != nil {
			got = s.name
		}
		if got != tt.name {
			t.Errorf("%s\ngot %q, want %q", tt.line, got, tt.name)
		}
		if d := readDestination(t, tt.line); d != tt.destination {
			t.Errorf("%s\ngot the destination %q, want %q", tt.line, d, tt.destination)
		}
	}
}

// readDestination is the destination that a log of one line is about.
func readDestination(t *testing.T, line string) string {
	t.Helper()
	got, err := Read(strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 || len(got[0].Destinations) == 0 {
		return ""
	}
	return got[0].Destinations[0].Name
}

func TestEverySignalIsTested(t *testing.T) {
	for _, s := range signals {
		tested := false
		for _, tt := range lines {
			tested = tested || tt.name == s.name
		}
		if !tested || s.means == "" || strings.HasSuffix(s.means, ".") {
			t.Errorf("%s is tested %t and means %q", s.name, tested, s.means)
		}
	}
}

// TestFindingsAreKnown: an error points at findings that there are.
func TestFindingsAreKnown(t *testing.T) {
	known := map[string]bool{}
	for _, code := range diagnose.Codes() {
		known[code] = true
	}
	for _, s := range signals {
		for _, code := range s.findings {
			if !known[code] {
				t.Errorf("%s points at %s", s.name, code)
			}
		}
	}
}

func TestRead(t *testing.T) {
	log := "started\r\n" +
		"dial tcp 10.0.3.7:8080: connect: cannot assign requested address\r\n" +
		"dial tcp 10.0.9.2:5432: connect: cannot assign requested address\n" +
		"dial tcp 10.0.3.7:8080: i/o timeout\n" +
		strings.Repeat("x", 3*lineLen) + " too many open files\n" + // too far behind to be seen
		"dial tcp 10.0.3.7:8080: connect: cannot assign requested address" // no newline
	got, err := Read(strings.NewReader(log))
	if err != nil || len(got) != 2 {
		t.Fatalf("got %+v, %v; want two kinds", got, err)
	}
	e := got[0]
	want := []Destination{{"10.0.3.7:8080", 2}, {"10.0.9.2:5432", 1}}
	if e.Name != "no local port" || e.Count != 3 || e.FirstLine != 2 || !reflect.DeepEqual(e.Destinations, want) {
		t.Errorf("got %+v", e)
	}
	if e.Example != "dial tcp 10.0.3.7:8080: connect: cannot assign requested address" {
		t.Errorf("got %q", e.Example)
	}
	if got[1].FirstLine != 4 {
		t.Errorf("got line %d, want 4", got[1].FirstLine)
	}
}

func TestReadFails(t *testing.T) {
	if got, err := Read(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestExampleIsSafeToPrint(t *testing.T) {
	got := clip("\x1b[31mtoo many open files\x07 \x9b \xff "+strings.Repeat("ö", 300), 40)
	if !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\x07\u009b") || utf8.RuneCountInString(got) != 40 {
		t.Errorf("got %q", got)
	}
}

func TestNow(t *testing.T) {
	there := netip.MustParseAddrPort("10.0.3.7:8080")
	finding := diagnose.Finding{Code: "time-wait-exhaustion", What: "the ports run out", Destination: there}
	table := &ports.Table{Destinations: []ports.Destination{{Destination: there, Budget: 100, Held: 20, Free: 80, ExhaustedIn: -1}}}
	at := func(name string) []Destination { return []Destination{{name, 1}} }
	noPort := []string{"time-wait-exhaustion"}
	tests := []struct {
		err      Error
		findings []diagnose.Finding
		want     string
	}{
		{Error{Findings: noPort, Destinations: at("10.0.3.7:8080")}, []diagnose.Finding{finding}, "time-wait-exhaustion: the ports run out"},
		{Error{Findings: noPort}, []diagnose.Finding{finding}, "time-wait-exhaustion: the ports run out"},
		{Error{Findings: noPort, Destinations: at("10.0.9.2:5432")}, []diagnose.Finding{finding}, "nothing of it is seen here now: it is over, or the log is of another machine"},
		{Error{Findings: noPort, Destinations: at("10.0.3.7:8080")}, nil, "10.0.3.7:8080 has 20 % of its ports held"},
		{Error{Findings: []string{"bound-ports"}}, []diagnose.Finding{finding}, "nothing of it is seen here now: it is over, or the log is of another machine"},
		{Error{}, []diagnose.Finding{finding}, ""},
	}
	for _, tt := range tests {
		if got := tt.err.Now(table, tt.findings); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}

// FuzzRead: any bytes are a log, and what is kept of it is bounded and fit for a terminal.
func FuzzRead(f *testing.F) {
	var all strings.Builder
	for _, tt := range lines {
		f.Add([]byte(tt.line))
		all.WriteString(tt.line + "\n")
	}
	f.Add([]byte(all.String()))
	f.Add([]byte("dial tcp []:1: i/o timeout\n->[:1 enfile"))
	f.Fuzz(func(t *testing.T, log []byte) {
		got, err := Read(strings.NewReader(string(log)))
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, e := range got {
			count += e.Count
			if !utf8.ValidString(e.Example) || strings.ContainsRune(e.Example, 0x1b) || e.FirstLine < 1 || len(e.Destinations) > mostInTheReport {
				t.Errorf("got %+v", e)
			}
			for _, d := range e.Destinations {
				if d.Count > e.Count || len(d.Name) > destinationLen {
					t.Errorf("got %+v of %d", d, e.Count)
				}
			}
		}
		if most := strings.Count(string(log), "\n") + 1; count > most {
			t.Errorf("%d errors in %d lines", count, most)
		}
	})
}
