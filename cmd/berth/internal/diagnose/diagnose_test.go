package diagnose

import (
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

const never = -1 * time.Second

// A machine is a table in the making: a namespace with Linux's defaults, and what connects from there.
type machine struct{ ports.Table }

func newMachine(set ...func(*ports.Namespace)) *machine {
	n := ports.Namespace{First: 32768, Last: 60999, TimeWait: time.Minute, TWReuse: 2, TWDelay: time.Second, TWBuckets: 262144, Timestamps: true}
	for _, f := range set {
		f(&n)
	}
	return &machine{ports.Table{Namespaces: []ports.Namespace{n}}}
}

// with adds a destination that holds a port for each of its sockets.
func (m *machine) with(states map[sock.State]int, set ...func(*ports.Destination)) *machine {
	n := &m.Namespaces[0]
	d := ports.Destination{
		Source:      netip.MustParseAddr("10.0.1.5"),
		Destination: netip.MustParseAddrPort("10.0.3.7:8080"),
		Budget:      n.Size() - n.BoundPorts,
		States:      states,
		ConnectCost: 15 * time.Microsecond,
		ExhaustedIn: never,
	}
	for _, count := range states {
		d.Held += count
	}
	d.Free = d.Budget - d.Held
	d.FirstHalfFree = max(0, d.Budget/2-d.Held)
	d.Wall, d.Cliff = float64(d.Budget)/60, float64(d.Budget)/120
	for _, f := range set {
		f(&d)
	}
	m.Destinations = append(m.Destinations, d)
	return m
}

func rate(perSecond float64, exhausted time.Duration) func(*ports.Destination) {
	return func(d *ports.Destination) {
		d.Rate, d.ExhaustedIn = perSecond, exhausted
		for i := ports.Steps / 2; i < ports.Steps; i++ {
			d.Closed[i] = perSecond
		}
	}
}

// burst is of closes within one step.
func burst(perSecond float64, exhausted time.Duration) func(*ports.Destination) {
	return func(d *ports.Destination) {
		d.Rate, d.ExhaustedIn = perSecond, exhausted
		d.Closed[ports.Steps-1] = perSecond
	}
}

func files(used, limit int) func(*ports.Destination) {
	return func(d *ports.Destination) {
		d.Owners = []ports.Owner{{PID: 4121, Command: "java", Sockets: d.States[sock.Established] + d.States[sock.CloseWait], Files: used, FileLimit: limit}}
	}
}

func once(d *ports.Destination) {
	d.Once, d.Idle = d.States[sock.Established], d.States[sock.Established]
}
func idle(d *ports.Destination) { d.Idle = d.States[sock.Established] }

func growing(d *ports.Destination) {
	for i := range d.Opened {
		d.Opened[i] = 1
	}
}

// serving adds a service, whose process has as many files open as it has connections.
func (m *machine) serving(states map[sock.State]int, limit int) *machine {
	n := 0
	for _, count := range states {
		n += count
	}
	owner := ports.Owner{PID: 80, Command: "server", Sockets: n, Files: n, FileLimit: limit}
	m.Services = append(m.Services, ports.Service{Local: netip.MustParseAddrPort("0.0.0.0:8080"), States: states, Owners: []ports.Owner{owner}})
	return m
}

// added are so many of the connections in the last step, which have not been used yet.
func added(n int) func(*ports.Destination) {
	return func(d *ports.Destination) {
		d.Opened[ports.Steps-1] = float64(n) / ports.StepTime.Seconds()
		d.Once -= min(n, d.Once/2)
	}
}

// working are so many of those that were used once.
func working(n int) func(*ports.Destination) {
	return func(d *ports.Destination) { d.Once -= n }
}

// underway are first requests, of milliseconds ago.
func underway(d *ports.Destination) { d.Once = d.States[sock.Established] }

func old(t time.Duration) func(*ports.Destination) {
	return func(d *ports.Destination) { d.OldestIdle = t }
}

// growth is of connections that are opened and kept.
func growth(perSecond float64, exhausted time.Duration) func(*ports.Destination) {
	return func(d *ports.Destination) {
		d.Opened[ports.Steps-1], d.ExhaustedIn = perSecond, exhausted
		d.Rate = 1
	}
}

func silent(syns int) func(*ports.Destination) {
	return func(d *ports.Destination) { d.SynRetried = syns }
}

func lent(n int) func(*ports.Destination) {
	return func(d *ports.Destination) { d.Reusable = n; d.Free += n; d.FirstHalfFree = d.Free / 2 }
}

func portRange(first, last int) func(*ports.Namespace) {
	return func(n *ports.Namespace) { n.First, n.Last = first, last }
}

type states = map[sock.State]int

// TestRun has what each rule finds, and beside it what looks like it and is none.
func TestRun(t *testing.T) {
	tests := []struct {
		name string
		on   *machine
		want string // code level, of each finding
	}{
		{"nobody connects", newMachine(), ""},
		{"a pool", newMachine().with(states{sock.Established: 200}), ""},
		{"a pool that works hard, all of it", newMachine(portRange(33000, 33199)).with(states{sock.Established: 90}), ""},
		{"a pool that is idle", newMachine().with(states{sock.Established: 200}, idle), ""},
		{"a pool after its first burst", newMachine().with(states{sock.Established: 200}, once), ""},

		{"ports run out", newMachine().with(states{sock.TimeWait: 19200, sock.Established: 751}, rate(600, 20*time.Second)),
			"time-wait-exhaustion critical"},
		{"they ran out", newMachine().with(states{sock.TimeWait: 28000, sock.Established: 232}, rate(470, 0)),
			"time-wait-exhaustion exhausted"},
		{"they run out soon, and are few yet", newMachine().with(states{sock.TimeWait: 1000}, rate(500, 55*time.Second)),
			"time-wait-exhaustion critical"},
		{"a pool that was closed a moment ago", newMachine().with(states{sock.TimeWait: 1500}, burst(750, 38*time.Second)), ""},
		{"a burst that is no trifle", newMachine().with(states{sock.TimeWait: 6000}, burst(3000, 7*time.Second)), "time-wait-exhaustion critical"},
		{"they run out late", newMachine().with(states{sock.TimeWait: 20000}, rate(480, 400*time.Second)),
			"time-wait-exhaustion slow"},
		{"closes that the ports can bear", newMachine().with(states{sock.TimeWait: 12000}, rate(200, never)), ""},
		{"closes on loopback, where ports are lent", newMachine().with(states{sock.TimeWait: 28000}, lent(27000), rate(1000, never)), ""},
		{"full of live ones", newMachine().with(states{sock.Established: 28232}, rate(0, 0)), "past-the-cliff exhausted"},
		{"live ones that grow", newMachine().with(states{sock.Established: 9000, sock.TimeWait: 20}, growth(500, 40*time.Second)), "past-the-cliff critical"},

		{"the server does not close", newMachine().with(states{sock.FinWait2: 28200, sock.FinWait1: 32}), "time-wait-exhaustion exhausted"},
		{"nearly all wait for the server", newMachine().with(states{sock.FinWait2: 20000, sock.LastAck: 3000, sock.Closing: 3000}), "time-wait-exhaustion critical"},
		{"some wait for the server", newMachine().with(states{sock.FinWait2: 9000, sock.Established: 40}), ""},

		{"past the cliff, and stays there", newMachine().with(states{sock.TimeWait: 16000}, rate(266, never)), "past-the-cliff slow"},
		{"live ones past the cliff", newMachine().with(states{sock.Established: 16000}), "past-the-cliff slow"},
		{"half is not past half", newMachine().with(states{sock.TimeWait: 14116}), ""},

		{"bound by dialers", newMachine(func(n *ports.Namespace) { n.BoundPorts, n.BoundByDialers = 20000, 20000 }).
			with(states{sock.Established: 3000}), "bound-ports slow"},
		{"bound by dialers, and the others need the rest", newMachine(func(n *ports.Namespace) { n.BoundPorts, n.BoundByDialers = 20000, 20000 }).
			with(states{sock.Established: 8000}), "bound-ports critical"},
		{"bound by dialers, all", newMachine(func(n *ports.Namespace) { n.BoundPorts, n.BoundByDialers = 28232, 28232 }),
			"bound-ports exhausted"},
		{"bound by dialers, and closed", newMachine(func(n *ports.Namespace) { n.BoundPorts, n.BoundByDialers = 20000, 20000 }).
			with(states{sock.TimeWait: 20000}, rate(600, 30*time.Second), func(d *ports.Destination) { d.Budget, d.Free = 28232, 8232 }), "bound-ports critical"},
		{"bound by listeners", newMachine(func(n *ports.Namespace) { n.BoundPorts = 20000 }), ""},
		{"a few bound by dialers", newMachine(func(n *ports.Namespace) { n.BoundPorts, n.BoundByDialers = 900, 900 }), ""},

		{"a leak towards the files", newMachine().with(states{sock.Established: 700}, once, files(720, 1024)), "connection-leak slow"},
		{"a leak near the files", newMachine().with(states{sock.Established: 850}, once, files(870, 1024)), "connection-leak critical"},
		{"a leak that has files enough, and ports for a minute", newMachine().with(states{sock.Established: 9450}, once, growing, growth(270, 75*time.Second), files(9460, 20000)), "connection-leak critical"},
		{"the same of what the peer closed", newMachine().with(states{sock.CloseWait: 9450}, growth(270, 75*time.Second), files(9460, 20000)), "close-wait-leak critical"},
		{"first requests on their way", newMachine().with(states{sock.Established: 300}, underway, files(320, 1024)), ""},
		{"a leak of all files", newMachine().with(states{sock.Established: 1000}, once, files(1024, 1024)), "connection-leak exhausted"},
		{"a leak towards the ports", newMachine().with(states{sock.Established: 9000}, once, files(9100, 1<<20)), "connection-leak slow"},
		{"a leak near the ports", newMachine().with(states{sock.Established: 25000}, idle, files(25100, 1<<20)), "connection-leak critical"},
		{"many files, and a pool that works", newMachine().with(states{sock.Established: 700}, files(1000, 1024)), ""},
		{"many files, of something else", newMachine().with(states{sock.Established: 30}, once, files(1000, 1024)), ""},
		{"a leak that has just begun", newMachine().with(states{sock.Established: 60}, once, growing, files(80, 1024)), "connection-leak slow"},
		{"a leak whose newest have just been made", newMachine().with(states{sock.Established: 60}, once, growing, added(40), files(80, 1024)), "connection-leak slow"},
		{"a pool that grows, and works", newMachine().with(states{sock.Established: 60}, once, growing, added(10), working(20), files(80, 1024)), ""},
		{"few that grow, for so many files", newMachine().with(states{sock.Established: 60}, once, growing, files(80, 1<<20)), ""},
		{"a pool whose connections come and go", newMachine().with(states{sock.Established: 60}, growing, files(80, 1024)), ""},
		{"a few once", newMachine(portRange(33000, 33019)).with(states{sock.Established: 8}, once), ""},

		{"the peer closed", newMachine().with(states{sock.CloseWait: 300}, files(330, 1024)), "close-wait-leak slow"},
		{"the peer closed all", newMachine().with(states{sock.CloseWait: 900}, files(930, 1024)), "close-wait-leak critical"},
		{"the peer closed what a pool had idle", newMachine().with(states{sock.CloseWait: 9, sock.Established: 20}, files(60, 100)), ""},
		{"few, for so many files", newMachine().with(states{sock.CloseWait: 99}, files(130, 1<<20)), ""},
		{"many, whatever the files", newMachine().with(states{sock.CloseWait: 100, sock.Established: 11, sock.TimeWait: 900}, files(130, 1<<20)), "close-wait-leak slow"},
		{"many, beside what this side closed", newMachine().with(states{sock.CloseWait: 900, sock.FinWait2: 900}, files(1000, 1<<20)), "close-wait-leak slow"},
		{"many, and as many that work", newMachine().with(states{sock.CloseWait: 100, sock.Established: 100}, files(230, 1<<20)), ""},
		{"few, and old", newMachine().with(states{sock.CloseWait: 10}, old(61*time.Second), files(30, 1<<20)), "close-wait-leak slow"},
		{"few, and not so old", newMachine().with(states{sock.CloseWait: 10}, old(59*time.Second), files(30, 1<<20)), ""},
		{"few, beside a pool that is old", newMachine().with(states{sock.CloseWait: 10, sock.Established: 40}, idle, old(10*time.Minute), files(80, 1<<20)), ""},

		{"the peer closed what a server accepted", newMachine().serving(states{sock.CloseWait: 300}, 1024), "close-wait-leak slow"},
		{"the peer closed what a server accepted, and the limit is high", newMachine().serving(states{sock.CloseWait: 300, sock.Established: 3, sock.TimeWait: 2000}, 1<<20), "close-wait-leak slow"},
		{"the same, and the limit is not seen", newMachine().serving(states{sock.CloseWait: 300}, 0), "close-wait-leak slow"},
		{"the peer closed a few of many", newMachine().serving(states{sock.CloseWait: 30, sock.Established: 2000}, 1<<20), ""},
		{"a server with many connections", newMachine().serving(states{sock.Established: 900}, 1024), ""},

		{"server side", newMachine(func(n *ports.Namespace) { n.TWCount, n.TWServer = 9000, 9000 }), "server-side-time-wait ok"},
		{"server side, few", newMachine(func(n *ports.Namespace) { n.TWCount, n.TWServer = 900, 900 }), ""},

		{"buckets", newMachine(func(n *ports.Namespace) { n.TWBuckets, n.TWCount, n.TWOverflow = 100, 100, 4900 }), "tw-bucket-overflow slow"},
		{"buckets that overflowed long ago", newMachine(func(n *ports.Namespace) { n.TWBuckets, n.TWCount, n.TWOverflow = 100, 10, 4900 }), ""},
		{"buckets that are full and never overflowed", newMachine(func(n *ports.Namespace) { n.TWBuckets, n.TWCount = 100, 100 }), ""},

		{"narrow", newMachine(portRange(33000, 33999)).with(states{sock.Established: 700}), "narrow-range slow"},
		{"narrow, and all in use", newMachine(portRange(33000, 33999)).with(states{sock.Established: 1000}), "narrow-range exhausted"},
		{"narrow, and enough", newMachine(portRange(33000, 33999)).with(states{sock.Established: 400}), ""},
		{"narrow, and wasted", newMachine(portRange(33000, 33999)).with(states{sock.TimeWait: 950}, rate(190, time.Second)), "time-wait-exhaustion critical"},

		{"reserved", newMachine(func(n *ports.Namespace) { n.Reserved = 20000 }).with(states{sock.Established: 5000}), "reserved-ports slow"},
		{"reserved, all", newMachine(func(n *ports.Namespace) { n.Reserved = 28232 }), "reserved-ports exhausted"},
		{"reserved, and enough", newMachine(func(n *ports.Namespace) { n.Reserved = 20000 }).with(states{sock.Established: 3000}), ""},
		{"reserved, and not to blame", newMachine(func(n *ports.Namespace) { n.Reserved = 100 }).with(states{sock.Established: 20000}), "past-the-cliff slow"},

		{"tracked", newMachine(tracked(85, 100)), "conntrack-full slow"},
		{"tracked, nearly", newMachine(tracked(95, 100)), "conntrack-full critical"},
		{"tracked, all", newMachine(tracked(100, 100)), "conntrack-full exhausted"},
		{"tracked, in good health", newMachine(tracked(70, 100)), ""},
		{"no tracking", newMachine(tracked(0, 0)), ""},

		{"no answer", newMachine().with(states{sock.SynSent: 40, sock.Established: 100}, silent(38)), "nat-suspected slow"},
		{"a burst whose answers are on their way", newMachine().with(states{sock.SynSent: 400}), ""},
		{"some get lost", newMachine().with(states{sock.SynSent: 400}, silent(12)), ""},

		{"two at once, the worst first", newMachine(tracked(85, 100)).with(states{sock.TimeWait: 28232}, rate(500, 0)),
			"time-wait-exhaustion exhausted, conntrack-full slow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings := Run(&tt.on.Table)
			var got []string
			for _, f := range findings {
				got = append(got, f.Code+" "+f.Level.String())
				wantWords(t, f)
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("got %q, want %q\n%+v", s, tt.want, findings)
			}
		})
	}
}

func tracked(n, most int) func(*ports.Namespace) {
	return func(s *ports.Namespace) { s.Conntrack, s.ConntrackMax = n, most }
}

// wantWords looks at what people will read: all of it there, plain ASCII, and no full stop.
func wantWords(t *testing.T, f Finding) {
	t.Helper()
	if f.Mode == "" || len(f.Do) == 0 {
		t.Errorf("%s has mode %q and says to do %q", f.Code, f.Mode, f.Do)
	}
	for _, s := range append([]string{f.What, f.Because}, f.Do...) {
		if s == "" || strings.HasSuffix(s, ".") || strings.Contains(s, "%!") || strings.Contains(s, "  ") || s[0] >= 'A' && s[0] <= 'Z' {
			t.Errorf("%s says %q", f.Code, s)
		}
		if i := strings.IndexFunc(s, func(r rune) bool { return r > '~' }); i >= 0 {
			t.Errorf("%s is not plain ASCII: %q", f.Code, s)
		}
	}
}

func TestEveryRuleIsTested(t *testing.T) {
	source, err := os.ReadFile("diagnose_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range Codes() {
		if !strings.Contains(string(source), `"`+code+" ") {
			t.Errorf("no row of TestRun wants %s", code)
		}
	}
}

// TestDocs holds docs/check.md, where each finding points at a heading of its own, to the list of rules.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(page), "\n## Findings\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	var headings []string
	for _, m := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(chapter, -1) {
		headings = append(headings, m[1])
	}
	want := Codes()
	slices.Sort(want)
	slices.Sort(headings)
	if !slices.Equal(headings, want) {
		t.Errorf("got the headings %q, want one for each of %q", headings, want)
	}
	for _, r := range rules {
		if !strings.Contains(chapter, "### "+r.code+"\n\nMode: "+string(r.mode)+".") {
			t.Errorf("the chapter of %s does not begin with its mode, %s", r.code, r.mode)
		}
	}
}

func TestNamespacesAreApart(t *testing.T) {
	m := newMachine().with(states{sock.Established: 20})
	other := newMachine(func(n *ports.Namespace) { n.Name = "blue" }).with(states{sock.TimeWait: 28232}, rate(500, 0))
	other.Destinations[0].Namespace = "blue"
	m.Namespaces = append(m.Namespaces, other.Namespaces...)
	m.Destinations = append(m.Destinations, other.Destinations...)
	got := Run(&m.Table)
	if len(got) != 1 || got[0].Namespace != "blue" || got[0].Destination != m.Destinations[1].Destination {
		t.Errorf("got %+v, want one finding, in blue", got)
	}
}

// TestCliffAdvice: nobody is told to close less who closes little.
func TestCliffAdvice(t *testing.T) {
	for waiting, want := range map[int]bool{8000: false, 8200: true} {
		m := newMachine().with(states{sock.Established: 16000 - waiting, sock.TimeWait: waiting}, rate(240, never))
		got := Run(&m.Table)
		if len(got) != 1 || slices.Contains(got[0].Do, ShareOneClient) != want || strings.Contains(got[0].Because, "this side closes") != want {
			t.Errorf("%d of 16,000 in TIME_WAIT: got %+v, want advice about closing: %t", waiting, got, want)
		}
	}
}

// TestServerDoesNotClose: the reason is not TIME_WAIT, and neither is the cure.
func TestServerDoesNotClose(t *testing.T) {
	m := newMachine().with(states{sock.FinWait2: 28232})
	got := Run(&m.Table)
	if len(got) != 1 || !strings.Contains(got[0].Because, "the server does not close its side") || says(got, "to gain time") || !says(got, "let the server close its side") {
		t.Errorf("got %+v", got)
	}
}

// TestRelief: advice is given where it works.
func TestRelief(t *testing.T) {
	tests := []struct {
		set  func(*ports.Namespace)
		want string // the commands
	}{
		{func(*ports.Namespace) {}, "tcp_tw_reuse=1"},
		{func(n *ports.Namespace) { n.TWReuse = 1 }, ""},
		{func(n *ports.Namespace) { n.Timestamps = false }, ""},
		{portRange(40000, 49999), "tcp_tw_reuse=1 ip_local_port_range="},
	}
	for i, tt := range tests {
		m := newMachine(tt.set)
		do := strings.Join(relief(newScene(&m.Table, &m.Namespaces[0])), " ")
		got := strings.Join(regexp.MustCompile(`tcp_tw_reuse=1|ip_local_port_range=`).FindAllString(do, -1), " ")
		if got != tt.want {
			t.Errorf("%d: got %q, want %q", i, got, tt.want)
		}
	}
}

// TestGone: how long a port is gone for, which is said as a reason.
func TestGone(t *testing.T) {
	tests := []struct {
		reuse      int
		timestamps bool
		to         string
		want       time.Duration
	}{
		{2, true, "10.0.3.7:80", time.Minute},
		{2, true, "127.0.0.1:80", time.Second},
		{2, true, "[::1]:80", time.Second},
		{2, false, "127.0.0.1:80", time.Minute},
		{1, true, "10.0.3.7:80", time.Second},
		{0, true, "127.0.0.1:80", time.Minute},
	}
	for _, tt := range tests {
		m := newMachine(func(n *ports.Namespace) { n.TWReuse, n.Timestamps = tt.reuse, tt.timestamps })
		d := &ports.Destination{Source: netip.MustParseAddr("10.0.1.5"), Destination: netip.MustParseAddrPort(tt.to)}
		if got := gone(newScene(&m.Table, &m.Namespaces[0]), d); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
}

func TestLevelOf(t *testing.T) {
	tests := []struct {
		used  int
		in    time.Duration
		level Level
	}{
		{0, never, OK},
		{50, never, OK},
		{51, never, Slow},
		{89, never, Slow},
		{90, never, Critical},
		{100, never, Exhausted},
		{10, 120 * time.Second, Critical},
		{10, 121 * time.Second, OK},
		{9, 120 * time.Second, OK}, // one burst
		{60, 121 * time.Second, Slow},
	}
	for _, tt := range tests {
		d := &ports.Destination{Budget: 100, Held: tt.used, Free: 100 - tt.used, ExhaustedIn: tt.in}
		if got := LevelOf(d); got != tt.level {
			t.Errorf("%d of 100 used, %v left: got %v, want %v", tt.used, tt.in, got, tt.level)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		Count(28232):                       "28,232",
		Count(-5):                          "-5",
		Plural(1, "port"):                  "1 port",
		Percent(99.9):                      "99 %",
		Percent(70.67):                     "71 %",
		PerSecond(600.4):                   "600",
		PerSecond(4.46):                    "4.5",
		About(20 * time.Second):            "20 s",
		About(3*time.Minute - time.Second): "3 min",
		About(5 * time.Hour):               "5 h",
		Millis(15 * time.Microsecond):      "15 us",
		Millis(2436 * time.Microsecond):    "2.4 ms",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
