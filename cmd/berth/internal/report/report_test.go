package report

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/explain"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

var update = flag.Bool("update", false, "write the golden files")

// trouble is a machine where a program of Java closes what it opens, and another talks to a database as it
// should.
func trouble() *ports.Table {
	return &ports.Table{
		Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Host: "shop-1", Kernel: "6.18.0",
		Namespaces: []ports.Namespace{{First: 32768, Last: 60999, TimeWait: time.Minute, TWReuse: 2, TWDelay: time.Second, TWBuckets: 262144, TWCount: 19200, Timestamps: true}},
		Destinations: []ports.Destination{
			{
				Source: netip.MustParseAddr("10.0.1.5"), Destination: netip.MustParseAddrPort("10.0.3.7:8080"),
				Budget: 28232, Held: 19951, Free: 8281,
				States: map[sock.State]int{sock.TimeWait: 19200, sock.Established: 751},
				Closed: [ports.Steps]float64{180, 180, 180, 180, 180, 240, 300, 360, 420, 480, 540, 600},
				Rate:   600, Wall: 470.53, Cliff: 235.27, ConnectCost: 2400 * time.Microsecond, ExhaustedIn: 20 * time.Second,
				Owners: []ports.Owner{{PID: 4121, Command: "java", Cmdline: []string{"java", "-jar", "shop.jar"}, User: "shop", Sockets: 751, Files: 812, FileLimit: 65536}},
			},
			{
				Source: netip.MustParseAddr("10.0.1.5"), Destination: netip.MustParseAddrPort("10.0.9.2:5432"),
				Budget: 28232, Held: 12, Free: 28220, FirstHalfFree: 14104, States: map[sock.State]int{sock.Established: 12},
				Wall: 470.53, Cliff: 235.27, ConnectCost: 15 * time.Microsecond, ExhaustedIn: -1,
			},
		},
	}
}

// worse has one of nearly everything.
func worse() *ports.Table {
	t := trouble()
	n := &t.Namespaces[0]
	n.TWCount, n.TWServer = 30200, 11000
	n.Conntrack, n.ConntrackMax = 250000, 262144
	d := &t.Destinations[1]
	d.Held, d.Free, d.FirstHalfFree = 900, 27332, 13666
	d.States = map[sock.State]int{sock.CloseWait: 850, sock.Established: 50}
	d.Owners = []ports.Owner{{PID: 99, Command: "py\x1b[2J", Cmdline: []string{"python3", "jobs.py"}, User: "jobs", Container: "3f2a1b0c9d8e7f6a5b4c", Sockets: 900, Files: 950, FileLimit: 1024}}
	t.Namespaces = append(t.Namespaces, ports.Namespace{Name: "blue", First: 32768, Last: 60999, TimeWait: time.Minute})
	t.Destinations = append(t.Destinations, ports.Destination{
		Namespace: "blue", Source: netip.MustParseAddr("2001:db8::1:5"), Destination: netip.MustParseAddrPort("[2001:db8::3:7]:443"),
		Budget: 28232, Held: 28232, States: map[sock.State]int{sock.TimeWait: 28232},
		Closed: [ports.Steps]float64{500, 490, 480, 470, 470, 470, 470, 470, 470, 470, 470, 470}, Rate: 470,
		Wall: 470.53, Cliff: 235.27, ConnectCost: 5700 * time.Microsecond,
		Owners: []ports.Owner{{PID: 7, Command: "a", Sockets: 5, Inferred: true}, {PID: 8, Command: "b", Sockets: 4, Inferred: true}, {PID: 9, Command: "c", Sockets: 3, Inferred: true}, {PID: 10, Command: "d", Sockets: 2, Inferred: true}},
	})
	t.Missing = []string{"the owners of 3 sockets are of other users: run as root to see them"}
	return t
}

func quiet() *ports.Table {
	t := trouble()
	t.Destinations = t.Destinations[1:]
	return t
}

func anError() []explain.Error {
	got, err := explain.Read(strings.NewReader(strings.Repeat("dial tcp 10.0.3.7:8080: connect: cannot assign requested address\n", 1204)))
	if err != nil {
		panic(err)
	}
	return got
}

func of(t *ports.Table, o Options) *Report { return New(t, diagnose.Run(t), o) }

func TestText(t *testing.T) {
	tests := []struct {
		golden string
		report *Report
		style  Style
	}{
		{"trouble", of(trouble(), Options{}), Style{}},
		{"trouble-80", of(trouble(), Options{}), Style{Width: 80, Graphics: true}},
		{"trouble-80-color", of(trouble(), Options{}), Style{Width: 80, Graphics: true, Color: true}},
		{"trouble-200", of(trouble(), Options{}), Style{Width: 200, Graphics: true}},
		{"worse", of(worse(), Options{}), Style{}},
		{"worse-80", of(worse(), Options{}), Style{Width: 80, Graphics: true}},
		{"worse-200", of(worse(), Options{}), Style{Width: 200, Graphics: true}},
		{"all", of(quiet(), Options{All: true}), Style{}},
		{"quiet", of(quiet(), Options{}), Style{}},
		{"nothing", of(&ports.Table{Namespaces: trouble().Namespaces}, Options{}), Style{}},
		{"asked", of(quiet(), Options{Asked: "10.0.9.2:5432", Only: to("10.0.9.2:5432")}), Style{}},
		{"asked-nothing", of(quiet(), Options{Asked: "10.0.9.9:80", Only: to("10.0.9.9:80")}), Style{}},
		{"explained-nothing", of(quiet(), Options{Log: "app.log"}), Style{}},
		{"explained", of(trouble(), Options{Errors: anError()}), Style{Width: 80}},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			var b strings.Builder
			if err := tt.report.WriteText(&b, tt.style); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.golden+".txt", b.String())
			if !tt.style.Color {
				wantFits(t, b.String(), max(tt.style.Width, 80), tt.style.Graphics)
			}
		})
	}
}

func to(destination string) func(*ports.Destination) bool {
	return func(d *ports.Destination) bool { return d.Destination.String() == destination }
}

func TestJSON(t *testing.T) {
	for name, r := range map[string]*Report{
		"trouble": of(trouble(), Options{}),
		"worse":   of(worse(), Options{All: true, Errors: anError()}),
		"nothing": of(&ports.Table{}, Options{}),
	} {
		var b strings.Builder
		if err := r.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", b.String())
	}
}

// TestContract holds the JSON to the one that was promised: its fields, and how each is written.
func TestContract(t *testing.T) {
	const promised = `{"schema":1,"time":"2026-03-04T05:06:07Z","host":"shop-1","kernel":"6.18.0","namespaces":[{"name":"","range":{"first":32768,"last":60999,"reserved":0,"size":28232},"time_wait_seconds":60,"tw_reuse":2}],
      "destinations":[{"namespace":"","source":"10.0.1.5","destination":"10.0.3.7:8080","budget":28232,"held":19951,"reusable":0,"free":8281,"states":{"time_wait":19200,"established":751},
        "closed_per_second":[180,180,180,180,180,240,300,360,420,480,540,600],"rate":600.0,"wall_rate":470.5,"cliff_rate":235.3,"connect_cost_us":2400,"connect_cost_measured":false,"exhausted_in_seconds":20,
        "level":"critical","owners":[{"pid":4121,"command":"java","sockets":751,"inferred":false}]}],
      "findings":[{"code":"time-wait-exhaustion","level":"critical","namespace":"","destination":"10.0.3.7:8080","source":"10.0.1.5","what":"","because":"","do":[],"docs":"docs/check.md#time-wait-exhaustion"}]}`
	r := of(trouble(), Options{})
	for i := range r.Findings { // its words are no contract
		f := &r.Findings[i]
		f.What, f.Because, f.Do = "", "", []string{}
	}
	var b strings.Builder
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if got, want := decode(t, b.String()), decode(t, promised); !reflect.DeepEqual(got, want) {
		t.Errorf("got %s\nwant %s", b.String(), promised)
	}
	if !strings.Contains(b.String(), `"rate":600.0,`) {
		t.Error("a rate is not written as a float")
	}
	r = of(quiet(), Options{All: true})
	b.Reset()
	r.WriteJSON(&b)
	if !strings.Contains(b.String(), `"exhausted_in_seconds":null`) || !strings.Contains(b.String(), `"owners":[]`) {
		t.Errorf("got %s, want null for never and an empty list for nobody", b.String())
	}
}

func decode(t *testing.T, s string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWorst(t *testing.T) {
	tests := []struct {
		report *Report
		want   diagnose.Level
	}{
		{of(quiet(), Options{}), diagnose.OK},
		{of(trouble(), Options{}), diagnose.Critical},
		{of(worse(), Options{}), diagnose.Exhausted},
		{of(trouble(), Options{Only: to("10.0.9.2:5432")}), diagnose.OK},
		{of(worse(), Options{Only: to("10.0.9.9:1")}), diagnose.Critical}, // conntrack-full is everybody's
	}
	for i, tt := range tests {
		if got := tt.report.Worst(); got != tt.want {
			t.Errorf("%d: got %v, want %v", i, got, tt.want)
		}
	}
}

// TestAskedIsWell: who asks for a destination that is well is not told of another's narrow range.
func TestAskedIsWell(t *testing.T) {
	narrow := trouble()
	narrow.Namespaces[0].First = 52000
	d := &narrow.Destinations[0]
	d.Budget, d.Held, d.Free = 9000, 8000, 1000
	d.States = map[sock.State]int{sock.Established: 8000}
	d.Rate, d.ExhaustedIn = 0, -1
	if all := of(narrow, Options{}); len(all.Findings) != 1 || all.Findings[0].Code != "narrow-range" {
		t.Fatalf("got %+v, want a narrow range", all.Findings)
	}
	r := of(narrow, Options{Only: to("10.0.9.2:5432"), Asked: "10.0.9.2:5432"})
	if len(r.Findings) > 0 || r.Worst() != diagnose.OK {
		t.Errorf("got %+v, level %v; want nothing", r.Findings, r.Worst())
	}
}

// TestNext: the next thing to type looks where this report did.
func TestNext(t *testing.T) {
	blue := trouble()
	blue.Namespaces[0].Name, blue.Destinations[0].Namespace, blue.Destinations[1].Namespace = "blue", "blue", "blue"
	tests := []struct {
		report *Report
		want   string
	}{
		{of(trouble(), Options{}), "berth check --calibrate 10.0.3.7:8080"},
		{of(blue, Options{Namespace: "all"}), "berth check --calibrate 10.0.3.7:8080 --namespace blue"},
		{of(quiet(), Options{}), "berth check --all"},
		{of(quiet(), Options{Namespace: "all"}), "berth check --all --namespace all"},
	}
	for _, tt := range tests {
		var b strings.Builder
		tt.report.WriteText(&b, Style{})
		if _, next, _ := strings.Cut(b.String(), "\nnext: "); next != tt.want+"\n" {
			t.Errorf("got %q, want %q", next, tt.want)
		}
	}
}

// TestNobody: what has no owner is not another user's.
func TestNobody(t *testing.T) {
	tests := []struct {
		d    ports.Destination
		want string
	}{
		{ports.Destination{Held: 5, States: map[sock.State]int{sock.TimeWait: 5}}, "not known: "},
		{ports.Destination{Held: 5, States: map[sock.State]int{sock.FinWait2: 4, sock.TimeWait: 1}}, "nobody's any more: "},
		{ports.Destination{Held: 5, States: map[sock.State]int{sock.FinWait2: 5}, Unowned: 5}, "not seen: "}, // half closed, and still open
		{ports.Destination{Held: 5, States: map[sock.State]int{sock.Established: 5}, Unowned: 5}, "not seen: "},
	}
	for _, tt := range tests {
		if got := nobody(&tt.d); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%+v: got %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestTrend(t *testing.T) {
	tests := []struct {
		closed []float64
		want   string
	}{
		{[]float64{180, 180, 180, 180, 180, 240, 300, 360, 420, 480, 540, 600}, "rising for 35 s"},
		{[]float64{9, 8, 7, 6}, "falling for 15 s"},
		{[]float64{5, 5, 5, 5}, "in the last seconds"},
		{[]float64{5, 4, 5, 6}, "in the last seconds"},
		{[]float64{0, 0, 0, 0}, "in the last seconds"},
	}
	for _, tt := range tests {
		if got := trend(tt.closed); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.closed, got, tt.want)
		}
	}
}

func TestSparkline(t *testing.T) {
	if got := sparkline([]float64{0, 1, 50, 100}); got != "▁▂▅█" {
		t.Errorf("got %q", got)
	}
	if got := sparkline([]float64{0, 0}); got != "▁▁" {
		t.Errorf("got %q", got)
	}
}

func TestWrap(t *testing.T) {
	got := wrap([]string{"one", "\x1b[31mtwo\x1b[0m", "three"}, " ", 7, 2)
	if want := []string{"one \x1b[31mtwo\x1b[0m", "  three"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant, by %s:\n%s", got, file, want)
	}
}

// wantFits wants lines that fit, no space at their ends, and nothing but ASCII where there are no graphics.
func wantFits(t *testing.T, text string, columns int, graphics bool) {
	t.Helper()
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if n := utf8.RuneCountInString(l); n > columns || strings.HasSuffix(l, " ") {
			t.Errorf("%d columns or a space at the end, in a screen of %d: %q", n, columns, l)
		}
		if i := strings.IndexFunc(l, func(r rune) bool { return r > '~' || r < ' ' }); i >= 0 && (!graphics || l[i] < ' ') {
			t.Errorf("not plain: %q", l)
		}
	}
}
