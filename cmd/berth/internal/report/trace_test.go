package report

import (
	"bytes"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
)

// traceOf is a machine with a Java program that opens a connection a request, a Go program whose pool is too small,
// and one that is well.
func traceOf() *bill.Bill {
	return &bill.Bill{
		Time: 10 * time.Second, Tier: bill.EBPF,
		Groups: []bill.Group{
			{
				Process:     bill.Process{PID: 4121, Command: "java", Cmdline: []string{"java", "-jar", "shop.jar"}},
				Destination: netip.MustParseAddrPort("10.0.3.7:8080"),
				Connections: 4120, Open: 2, Peak: 12, ClosedByUs: 4038, ClosedByPeer: 80, Failed: map[string]int{"EADDRNOTAVAIL": 3}, Requests: 1,
				Life:  bill.Quantiles{P50: 2400 * time.Microsecond, P99: 11 * time.Millisecond},
				Sites: []bill.Site{{Function: "com.acme.OrderClient.fetch", Connections: 4120, MaxIdle: -1, Stack: []string{"__connect", "java.net.Socket.connect", "com.acme.OrderClient.fetch"}}},
			},
			{
				Process:     bill.Process{PID: 5210, Command: "orders", Go: "go1.26.8", Container: "3f2a1b0c9d8e"},
				Destination: netip.MustParseAddrPort("10.0.9.9:443"),
				Connections: 3120, Peak: 40, ClosedByUs: 3026, ClosedByPeer: 60, Reset: 34, Requests: 1.5,
				Life:   bill.Quantiles{P50: 3100 * time.Microsecond, P99: 12 * time.Millisecond},
				Search: bill.Quantiles{P50: 2 * time.Millisecond, P99: 3 * time.Millisecond},
				Sites: []bill.Site{
					{Function: "main.fetchOrders", File: "/src/orders/orders.go", Line: 88, Connections: 2995, Through: bill.NetHTTP, Transports: 1, MaxIdle: 0,
						Stack: []string{"net/http.(*Transport).queueForDial (transport.go:1594)", "main.fetchOrders (orders.go:88)"}},
					{Function: "main.(*client).refresh", File: "/src/orders/refresh.go", Line: 12, Connections: 125, Through: bill.NetHTTP, Transports: 1, MaxIdle: 0},
				},
				CloseReasons: map[string]int{"http: putIdleConn: too many idle connections for host": 3026, "http: server closed idle connection": 60},
			},
			{
				Process:     bill.Process{PID: 88, Command: "py\x1b[2J", Cmdline: []string{"python3", "jobs.py"}},
				Destination: netip.MustParseAddrPort("[2001:db8::7]:5432"),
				Connections: 8, Open: 8, Peak: 8, Requests: 51.25, Unplaced: 8, Hint: "start python 3.12 or later with -X perf", Unknown: []string{"__connect", "?"},
			},
		},
	}
}

// heardOf is what is left of it without privileges.
func heardOf() *bill.Bill {
	return &bill.Bill{
		Time: 4 * time.Second, Tier: bill.Destroy, Lost: 2,
		Groups: []bill.Group{{
			Destination: netip.MustParseAddrPort("10.0.3.7:8080"),
			Connections: 1600, ClosedByUs: 1584, ClosedByPeer: 16, Requests: 1,
		}},
		Missing: []string{"which process and which call opens them: eBPF needs root"},
	}
}

func TestTraceText(t *testing.T) {
	for _, tt := range []struct {
		golden string
		bill   *bill.Bill
		style  Style
		stacks bool
	}{
		{"trace", traceOf(), Style{}, false},
		{"trace-80", traceOf(), Style{Width: 80, Graphics: true}, false},
		{"trace-80-color", traceOf(), Style{Width: 80, Graphics: true, Color: true}, false},
		{"trace-200", traceOf(), Style{Width: 200, Graphics: true}, true},
		{"trace-destroy", heardOf(), Style{}, false},
		{"trace-nothing", &bill.Bill{Time: 10 * time.Second, Tier: bill.EBPF}, Style{}, false},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			var b bytes.Buffer
			if err := NewTrace(tt.bill).WriteText(&b, tt.style, tt.stacks); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.golden+".txt", b.String())
		})
	}
}

// TestTraceNext: where nothing was seen there is something to type, and else there is not.
func TestTraceNext(t *testing.T) {
	for b, want := range map[*bill.Bill]bool{{Tier: bill.EBPF}: true, traceOf(): false} {
		trace := NewTrace(b)
		trace.Next = "berth trace --pid 7 --for 1m0s"
		var out bytes.Buffer
		if err := trace.WriteText(&out, Style{}, false); err != nil || strings.HasSuffix(out.String(), "\nnext: "+trace.Next+"\n") != want {
			t.Errorf("%v\n%s", err, out.String())
		}
	}
}

func TestTraceTable(t *testing.T) {
	for golden80, width := range map[string]int{"trace-table-80": 80, "trace-table-200": 200} {
		var b bytes.Buffer
		if err := NewTrace(traceOf()).WriteTable(&b, Style{Width: width, Graphics: true}, 15); err != nil {
			t.Fatal(err)
		}
		var short bytes.Buffer
		if NewTrace(traceOf()).WriteTable(&short, Style{Width: width}, 1); !strings.Contains(short.String(), "and 2 more") {
			t.Errorf("of one row: %s", short.String())
		}
		for line := range strings.Lines(b.String()) {
			if columns(strings.TrimSuffix(line, "\n")) >= width {
				t.Errorf("a line is wider than the screen: %q", line)
			}
		}
		golden(t, golden80+".txt", b.String())
	}
}

func TestTraceJSON(t *testing.T) {
	for name, b := range map[string]*bill.Bill{"trace": traceOf(), "trace-destroy": heardOf(), "trace-nothing": {Tier: bill.EBPF}} {
		var out bytes.Buffer
		if err := NewTrace(b).WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", out.String())
	}
}

// TestTraceSources: each field of a group has a word on how it is known, in both tiers.
func TestTraceSources(t *testing.T) {
	for tier, words := range sources {
		for f := range reflect.TypeFor[TraceGroup]().Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && name != "verdict" && words[name] == "" && !(tier == bill.Destroy && name == "port_search_ms") {
				t.Errorf("tier %s has no source of %s", tier, name)
			}
		}
	}
}

// TestTraceDocs holds docs/trace.md to what berth trace prints, and to name every field.
func TestTraceDocs(t *testing.T) {
	b, err := os.ReadFile("../../../../docs/trace.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	text, err := os.ReadFile("testdata/trace-80.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := fenced(t, page, "text"); got != string(text) {
		t.Errorf("the page shows\n%s\nand berth trace prints\n%s", got, text)
	}
	golden, err := os.ReadFile("testdata/trace.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, fenced(t, page, "json")); !reflect.DeepEqual(got, decode(t, string(golden))) {
		t.Errorf("the page shows other JSON than berth trace prints: %v", got)
	}
	_, chapter, _ := strings.Cut(page, "\n## JSON\n")
	for _, typ := range []reflect.Type{reflect.TypeFor[Trace](), reflect.TypeFor[TraceGroup](), reflect.TypeFor[Site](), reflect.TypeFor[Verdict](), reflect.TypeFor[Quantiles]()} {
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && name != "-" && !regexp.MustCompile("[\"`.]"+name+"[\"`]").MatchString(chapter) {
				t.Errorf("the page does not name the field %s", name)
			}
		}
	}
}
