package berth

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// pageView is a Transport with one of nearly everything.
func pageView() *view {
	closed := [closeReasons]int64{closedIdleTimeout: 3, closedByPeer: 1, closedExcessHost: 1200}
	busy := hostView{
		Name: "https://10.0.0.7:443",
		Counts: viewCounts(HostStats{
			Open: 4, InUse: 3, Idle: 1, Dialing: 1, Waiting: 103, InFlight: 19,
			Acquired: 12345, Reused: 12000, Waited: 345, WaitDuration: 17 * time.Second,
			Dials: 300, DialsElided: 41, Canceled: 2, Closed: ClosedConns{IdleTimeout: 3, Peer: 1, MaxIdlePerHost: 1200},
		}),
		Waiters: []waiterView{
			{Waiting: seconds(3210 * time.Millisecond), For: forHost, Limit: some(5)},
			{Waiting: seconds(80 * time.Millisecond), For: forDial, Dialing: some(seconds(75 * time.Millisecond))},
			{Waiting: seconds(30 * time.Millisecond), For: forPutOff, PutOffBy: some(seconds(4 * time.Millisecond))},
		},
		WaitersNotListed: 100,
		Dials:            []dialView{{Dialing: seconds(75 * time.Millisecond), Why: "no idle connection", Waiters: 1}},
		Conns: []connView{
			{
				State: connLeaving, Because: closedByPeer.String(), Protocol: "HTTP/2", TLS: true,
				Local: "10.0.1.5:40001", LocalPort: some(40001), Remote: "10.0.0.7:443",
				Age: seconds(50 * time.Hour), InUse: some(seconds(6 * time.Minute)), Requests: 9000, InFlight: 1, MaxInFlight: some(100),
				BytesIn: some(int64(123456789)), BytesOut: some(int64(4096)),
			},
			{
				State: connInUse, Protocol: "HTTP/2", TLS: true,
				Local: "10.0.1.5:40002", LocalPort: some(40002), Remote: "10.0.0.7:443",
				Age: seconds(62 * time.Minute), InUse: some(seconds(1500 * time.Millisecond)), Requests: 3344, InFlight: 17, MaxInFlight: some(100), Choked: true,
				BytesIn: some(int64(2048)), BytesOut: some(int64(100)), RetiresIn: some(seconds(10 * time.Minute)),
			},
			{
				State: connInUse, Protocol: "spdy/3", TLS: true,
				Local: "[2001:db8::5%eth0]:40003", LocalPort: some(40003), Remote: "[2001:db8::7]:443",
				Age: seconds(2 * time.Second), InUse: some(seconds(time.Second)), BodyOpen: some(seconds(time.Second / 2)), Requests: 1, InFlight: 1,
			},
			{
				State: connIdle, Protocol: "HTTP/1.1", TLS: true,
				Local: "10.0.1.5:40004", LocalPort: some(40004), Remote: "10.0.0.7:443",
				Age: seconds(time.Minute), Idle: some(seconds(10 * time.Second)), Requests: 7, MaxInFlight: some(1),
				BytesIn: some(int64(0)), BytesOut: some(int64(0)), IdleClosesIn: some(seconds(80 * time.Second)),
			},
		},
		closed: closed,
	}
	down := hostView{
		Name: `http://<b>&"'.test:80 via http://user:xxxxx@proxy:3128`, HTTP1Only: true,
		Counts:        viewCounts(HostStats{Dials: 3, DialsFailed: 3, Waiting: 2}),
		LastDialError: "connect: <refused>",
		Backoff:       some(seconds(40 * time.Millisecond)),
		Waiters: []waiterView{
			{Waiting: seconds(time.Second), For: forBackoff, PutOffBy: some(seconds(40 * time.Millisecond))},
			{Waiting: seconds(time.Second), For: forTurn},
		},
		Dials: []dialView{},
		Conns: []connView{},
	}
	v := &view{
		Schema: 1, Time: "2026-03-04T05:06:07Z", Hosts: []hostView{busy, down}, HostsNotListed: 2,
		Totals: viewCounts(HostStats{
			Open: 4, InUse: 3, Idle: 1, Dialing: 1, Waiting: 105, InFlight: 19,
			Acquired: 12345, Reused: 12000, Waited: 345, WaitDuration: 17 * time.Second,
			Dials: 303, DialsFailed: 3, DialsElided: 41, Canceled: 2, Closed: ClosedConns{IdleTimeout: 3, Peer: 1, MaxIdlePerHost: 1200},
		}),
	}
	for i := range v.Hosts {
		v.Findings = v.Hosts[i].findings(v.Findings)
	}
	return v
}

func TestHandlerPage(t *testing.T) {
	v := pageView()
	for name, got := range map[string][]byte{"handler.html": v.html(), "handler.json": indented(t, v.json())} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s has changed (go test -run Handler -update . writes it): got\n%s", file, got)
		}
	}
}

// indented is for people who read the golden file.
func indented(t *testing.T, b []byte) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// Nothing that comes from outside ends up as markup.
func TestHandlerEscapes(t *testing.T) {
	const evil = `"><script>alert('1')</script>&`
	v := pageView()
	v.only = evil
	h := &v.Hosts[0]
	h.Name, h.LastDialError, h.Backoff = evil, evil, some(seconds(1))
	h.Dials[0].Why = evil
	for i := range h.Conns {
		c := &h.Conns[i]
		c.Local, c.LocalPort, c.Remote, c.Protocol, c.Because = evil, nil, evil, evil, evil
	}
	v.Findings = h.findings(nil)
	page := string(v.html())
	for _, bad := range []string{"<script", evil, `'1'`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s in it", bad)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;") {
		t.Error("the page does not show the name")
	}
	if strings.Contains(string(v.json()), "<script") {
		t.Error("the JSON has a tag in it")
	}
}

// shown is what a page says, as a program reads it.
func (p *pool) shown() *view {
	p.t.Helper()
	w := httptest.NewRecorder()
	p.tr.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/debug/berth?format=json", nil))
	return readView(p.t, w)
}

func readView(t *testing.T, w *httptest.ResponseRecorder) *view {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	v := new(view)
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		t.Fatal(err)
	}
	return v
}

// UnmarshalJSON is MarshalJSON undone.
func (s *seconds) UnmarshalJSON(b []byte) error {
	var f float64
	err := json.Unmarshal(b, &f)
	*s = seconds(f * float64(time.Second))
	return err
}

// host is the only one, at a place where the pool is at rest.
func (v *view) host(t *testing.T) *hostView {
	t.Helper()
	if len(v.Hosts) != 1 {
		t.Fatalf("%d hosts are shown, want 1", len(v.Hosts))
	}
	return &v.Hosts[0]
}

func (p *pool) wantWaits(want ...waiterView) {
	p.t.Helper()
	if got := p.shown().host(p.t).Waiters; !reflect.DeepEqual(got, want) {
		p.t.Fatalf("the page shows %s\nwant %s", inJSON(got), inJSON(want))
	}
}

func inJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestHandlerShowsWhoWaits(t *testing.T) {
	inPool(t, func(p *pool) {
		rt1 := p.roundTrip()
		p.wantDial().finish(nil)
		time.Sleep(2 * time.Second)
		rt2 := p.roundTrip()
		time.Sleep(3 * time.Second)
		p.wantWaits(waiterView{Waiting: seconds(3 * time.Second), For: forHost, Limit: some(1)})
		v := p.shown()
		c := v.host(t).Conns[0]
		if c.State != connInUse || *c.InUse != seconds(5*time.Second) || c.InFlight != 1 || *c.MaxInFlight != 1 {
			t.Errorf("the connection is shown as %s", inJSON(c))
		}
		want := finding{
			"limit-reached", "http://fake.test:80", "1 request waits since MaxConnsPerHost (1) is reached, the longest for 3s",
			"raise MaxConnsPerHost if the server bears it, or see what holds connections: those that are in use for longest come first",
		}
		if len(v.Findings) != 1 || v.Findings[0] != want {
			t.Errorf("findings %s", inJSON(v.Findings))
		}
		w := httptest.NewRecorder()
		p.tr.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if row := "<tr><td>3s<td>a connection that comes back: MaxConnsPerHost (1) is reached"; !strings.Contains(w.Body.String(), row) {
			t.Errorf("the page has no %s:\n%s", row, w.Body)
		}
		rt1.finish()
		rt2.finish()
	}, func(tr *Transport) { tr.MaxConnsPerHost = 1 })
}

func TestHandlerSaysWhatFor(t *testing.T) {
	const s = seconds(time.Second)
	t.Run("a dial", func(t *testing.T) {
		inPool(t, func(p *pool) {
			rt := p.roundTrip()
			d := p.wantDial()
			time.Sleep(time.Second)
			p.wantWaits(waiterView{Waiting: s, For: forDial, Dialing: some(s)})
			if got := p.shown().host(t).Dials; len(got) != 1 || got[0] != (dialView{s, "no idle connection", 1}) {
				t.Errorf("dials %s", inJSON(got))
			}
			d.finish(nil)
			rt.finish()
		})
	})
	t.Run("a dial put off", func(t *testing.T) {
		inPool(t, func(p *pool) {
			rt1 := p.roundTrip()
			d := p.wantDial()
			time.Sleep(100 * time.Millisecond)
			d.finish(nil)
			rt1.finish() // took no time
			rt1 = p.roundTrip()
			rt2 := p.roundTrip()
			time.Sleep(40 * time.Millisecond)
			p.wantWaits(waiterView{Waiting: 40 * s / 1000, For: forPutOff, PutOffBy: some(60 * s / 1000)})
			rt1.finish()
			rt2.finish()
		})
	})
	t.Run("the end of a pause", func(t *testing.T) {
		inPool(t, func(p *pool) {
			rt1, rt2 := p.roundTrip(), p.roundTrip()
			p.wantDial().finish(errRefused)
			rt1.wantErr(errRefused)
			rt3 := p.roundTrip()
			h := p.shown().host(t)
			if w := h.Waiters[1]; w.For != forBackoff || *w.PutOffBy <= 0 || *w.PutOffBy > seconds(firstPause) {
				t.Errorf("the request is shown as %s", inJSON(w))
			}
			if f := p.shown().Findings; len(f) != 1 || f[0].Code != "dials-fail" || f[0].What != "dials fail: "+h.LastDialError || h.LastDialError == "" {
				t.Errorf("findings %s", inJSON(f))
			}
			p.tr.Close()
			rt2.wantErr(ErrClosed)
			rt3.wantErr(ErrClosed)
		})
	})
	for limit, set := range map[waitCause]func(*Transport){
		forMaxConns: func(tr *Transport) { tr.MaxConns = 1 },
		forDials:    func(tr *Transport) { tr.MaxDialsPerHost = 1 },
	} {
		t.Run(string(limit), func(t *testing.T) {
			inPool(t, func(p *pool) {
				rt1, rt2 := p.roundTrip(), p.roundTrip()
				time.Sleep(time.Second)
				p.wantWaits(waiterView{Waiting: s, For: forDial, Dialing: some(s)}, waiterView{Waiting: s, For: limit, Limit: some(1)})
				p.wantDial().finish(nil)
				rt1.finish()
				if limit == forDials {
					p.wantDial().finish(nil)
				}
				rt2.finish()
			}, set)
		})
	}
}

func TestHandlerShowsStreams(t *testing.T) {
	inPoolHTTP2(t, 3, func(p *pool) {
		rt1 := p.roundTrip()
		p.wantDial().finish(nil)
		time.Sleep(time.Second)
		rt2, rt3, rt4 := p.roundTrip(), p.roundTrip(), p.roundTrip()
		v := p.shown()
		h := v.host(t)
		if len(h.Conns) != 1 || v.Totals.InFlight != 3 {
			t.Fatalf("the page shows %s", inJSON(v))
		}
		c := h.Conns[0]
		if c.Protocol != "HTTP/2" || c.TLS || c.InFlight != 3 || *c.MaxInFlight != 3 || c.Requests != 3 || *c.BytesIn == 0 || *c.BytesOut == 0 {
			t.Errorf("the connection is shown as %s", inJSON(c))
		}
		if *c.InUse != seconds(time.Second) {
			t.Errorf("in use for %v, want what the longest of its requests is", *c.InUse)
		}
		p.wantWaits(waiterView{For: forHTTP2, Limit: some(1)})
		for _, rt := range []*call{rt1, rt2, rt3, rt4} {
			rt.finish()
		}
		time.Sleep(time.Second)
		c = p.shown().host(t).Conns[0]
		if c.State != connIdle || *c.Idle != seconds(time.Second) || *c.IdleClosesIn != seconds(defaultIdleConnTimeout-time.Second) || c.InFlight != 0 || c.Requests != 4 {
			t.Errorf("the idle connection is shown as %s", inJSON(c))
		}
	}, func(tr *Transport) { tr.MaxHTTP2ConnsPerHost = 1 })
}

// Connections in use that serve nobody after come first, then those in use for
// longest, then the idle ones.
func TestHandlerOrder(t *testing.T) {
	inPool(t, func(p *pool) {
		var rts []*call
		var ports []int
		for range 4 {
			rts = append(rts, p.roundTrip(func(r *http.Request) { r.Close = len(rts) == 1 }))
			d := p.wantDial()
			d.finish(nil)
			port := d.nc.LocalAddr().(*net.TCPAddr).Port
			ports = append(ports, port)
			time.Sleep(time.Second)
		}
		rts[0].finish()
		h := p.shown().host(t)
		for i, want := range []int{1, 2, 3, 0} {
			if got := *h.Conns[i].LocalPort; got != ports[want] {
				t.Errorf("place %d has port %d, want %d", i+1, got, ports[want])
			}
		}
		if c := h.Conns[0]; c.State != connLeaving || c.Because != "not kept alive" || c.Age != seconds(3*time.Second) {
			t.Errorf("the first is shown as %s", inJSON(c))
		}
		for _, rt := range rts[1:] {
			rt.finish()
		}
	})
}

// The numbers of one page are bounded, and it says what it leaves out.
func TestHandlerIsBounded(t *testing.T) {
	tr := &Transport{hosts: map[hostKey]*host{}}
	now := time.Now()
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"} {
		key := hostKey{scheme: "http", addr: name + ":80"}
		h := newHost(key, &tr.budget)
		for i := range maxConnViews + 200 {
			c := newConn(h, nil)
			c.born, c.since, c.want = now, now.Add(time.Duration(i)), new(want)
			h.idle.pushBack(&c.place)
		}
		tr.hosts[key] = h
	}
	h := tr.hosts[hostKey{scheme: "http", addr: "k:80"}]
	for range maxWaiterViews + 50 {
		h.waiting.pushBack(&newWaiter(new(want), nil, now).queue)
	}
	v := tr.view("", now)
	first, last := &v.Hosts[0], &v.Hosts[10]
	if first.Name != "http://k:80" || len(first.Conns) != maxConnViews || first.ConnsNotListed != 200 || len(first.Waiters) != maxWaiterViews || first.WaitersNotListed != 50 {
		t.Errorf("first is %s with %d connections and %d more, %d waiters and %d more",
			first.Name, len(first.Conns), first.ConnsNotListed, len(first.Waiters), first.WaitersNotListed)
	}
	if len(last.Conns) != 0 || last.ConnsNotListed != maxConnViews+200 {
		t.Errorf("the last host has %d connections, want none: %d are listed before", len(last.Conns), maxConnViewsAll)
	}
	page := string(v.html())
	for _, want := range []string{"and 200 more, not listed", "and 50 more, not listed", "and 1,200 more, not listed"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestHandlerOfOneHost(t *testing.T) {
	tr := &Transport{hosts: map[hostKey]*host{}}
	for _, key := range []hostKey{
		{scheme: "http", addr: "a.test:80"},
		{scheme: "https", addr: "a.test:443"},
		{scheme: "http", proxy: "http://me:secret@proxy.test:3128"},
	} {
		tr.hosts[key] = newHost(key, &tr.budget)
	}
	for only, want := range map[string][]string{
		"":                  {"http://* via http://me:xxxxx@proxy.test:3128", "http://a.test:80", "https://a.test:443"},
		"https://a.test":    {"https://a.test:443"},
		"http://a.test:80":  {"http://a.test:80"},
		"http://b.test:80":  nil,
		"no name of a host": nil,
		"http://* via http://me:xxxxx@proxy.test:3128": {"http://* via http://me:xxxxx@proxy.test:3128"},
	} {
		for _, format := range []string{"html", "json"} {
			w := httptest.NewRecorder()
			tr.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/?format="+format+"&host="+url.QueryEscape(only), nil))
			if strings.Contains(w.Body.String(), "secret") {
				t.Fatalf("the page tells a proxy's password:\n%s", w.Body)
			}
			if format == "html" {
				continue
			}
			var got []string
			for _, h := range readView(t, w).Hosts {
				got = append(got, h.Name)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("?host=%s shows %q, want %q", only, got, want)
			}
		}
	}
}

func TestHandlerAnswers(t *testing.T) {
	tr := new(Transport)
	ask := func(method, target string) *http.Response {
		w := httptest.NewRecorder()
		tr.Handler().ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w.Result()
	}
	for _, tt := range []struct {
		method, target string
		status         int
		kind           string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/?format=html", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/?format=json", 200, "application/json; charset=utf-8"},
		{"GET", "/?format=<b>", 400, "text/plain; charset=utf-8"},
		{"POST", "/", 405, "text/plain; charset=utf-8"},
		{"DELETE", "/?format=json", 405, "text/plain; charset=utf-8"},
	} {
		resp := ask(tt.method, tt.target)
		head := resp.Header
		if resp.StatusCode != tt.status || head.Get("Content-Type") != tt.kind {
			t.Errorf("%s %s: %s, %s", tt.method, tt.target, resp.Status, head.Get("Content-Type"))
		}
		if head.Get("Cache-Control") != "no-store" || head.Get("X-Content-Type-Options") != "nosniff" || head.Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: header %v", tt.method, tt.target, head)
		}
		if tt.status == 405 && head.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow is %q", tt.method, head.Get("Allow"))
		}
		if body, _ := io.ReadAll(resp.Body); (len(body) == 0) != (tt.method == "HEAD") {
			t.Errorf("%s %s: %d bytes of body", tt.method, tt.target, len(body))
		}
	}
	body, _ := io.ReadAll(ask("GET", "/?format=xml").Body)
	if got, want := string(body), "there is no format \"xml\": it is html or json\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The page needs nothing that its policy does not allow.
func TestHandlerPolicy(t *testing.T) {
	page := string(pageView().html())
	if bad := regexp.MustCompile(`(?i)<(script|link|img|form|iframe)|\son\w+=|\sstyle=|javascript:`).FindString(page); bad != "" {
		t.Errorf("the page has %q in it", bad)
	}
	if !strings.Contains(page, "<style>"+pageStyle+"</style>") {
		t.Error("the style is not the one that the policy has the hash of")
	}
}

// Each of Stats' numbers is on the page for programs.
func TestHandlerHasAllCounts(t *testing.T) {
	var s HostStats
	fill(reflect.ValueOf(&s).Elem())
	v := reflect.ValueOf(viewCounts(s))
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not taken over", v.Type().Field(i).Name)
		}
	}
	if got, want := v.NumField(), reflect.TypeFor[HostStats]().NumField(); got != want {
		t.Errorf("%d numbers, want HostStats' %d", got, want)
	}
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			fill(f)
		default:
			f.SetInt(int64(time.Second))
		}
	}
}

func TestHandlerWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                 "0s",
		1499 * time.Microsecond:           "1ms",
		250 * time.Millisecond:            "250ms",
		3290 * time.Millisecond:           "3.2s",
		10 * time.Second:                  "10s",
		4*time.Minute + 10e9:              "4m10s",
		10 * time.Minute:                  "10m",
		2 * time.Hour:                     "2h",
		2*time.Hour + 5*time.Minute + 9e9: "2h5m",
		76 * time.Hour:                    "3d4h",
	} {
		if got := seconds(d).String(); got != want {
			t.Errorf("%d is %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KB", 123456789: "117.7 MB", 5 << 40: "5.0 TB", 5 << 50: "5120.0 TB"} {
		if got := size(&n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 28232: "28,232", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// For the race detector: pages while requests come, go and are cut.
func TestHandlerAtWork(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	defer srv.Close()
	tr := &Transport{MaxConnsPerHost: 4, MaxConnLifetime: 50 * time.Millisecond, LeakAfter: time.Second}
	defer tr.Close()
	done := make(chan struct{})
	var work, looks sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 100 {
				req, _ := http.NewRequest("GET", srv.URL, nil)
				resp, err := tr.RoundTrip(req)
				if err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	for _, target := range []string{"/", "/?format=json", "/?host=" + srv.URL} {
		looks.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				w := httptest.NewRecorder()
				tr.Handler().ServeHTTP(w, httptest.NewRequest("GET", target, nil))
				if w.Code != http.StatusOK {
					t.Errorf("%s: status %d", target, w.Code)
				}
			}
		})
	}
	work.Wait()
	close(done)
	looks.Wait()
}
