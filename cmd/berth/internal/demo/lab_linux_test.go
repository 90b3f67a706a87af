package demo

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
	"github.com/berth-go/berth/internal/netlab"
)

// inLab runs body where no port comes back while the test runs, however slow the machine is.
func inLab(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	netlab.Run(t, netlab.Config{}, body)
}

func TestExhaustionIsExact(t *testing.T) {
	inLab(t, func(t *testing.T) {
		o := Options{Ports: 8, Requests: 100, Callers: 4}
		p := mustRun(t, o, client{"each closes", perRequest, 0})[0]
		want := Phase{Name: "each closes", OK: 8, Failed: 92, FirstError: noPort, Connections: 8, TimeWait: 8}
		if got := timeless(p); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if p.Seconds <= 0 || p.RequestsPerSecond <= 0 {
			t.Errorf("took %v s, %v/s", p.Seconds, p.RequestsPerSecond)
		}
	})
}

func TestOneConnectionIsKept(t *testing.T) {
	inLab(t, func(t *testing.T) {
		o := Options{Ports: 8, Requests: 100, Callers: 1}
		p := mustRun(t, o, client{"one caller", asItComes, http.DefaultMaxIdleConnsPerHost})[0]
		want := Phase{Name: "one caller", OK: 100, Connections: 1}
		if got := timeless(p); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestEachClientStartsWithAllPorts(t *testing.T) {
	inLab(t, func(t *testing.T) {
		o := Options{Ports: 8, Requests: 20, Callers: 4}
		each := client{"each closes", perRequest, 0}
		for _, p := range mustRun(t, o, each, each, each) {
			if p.OK != 8 || p.Connections != 8 || p.TimeWait != 8 {
				t.Errorf("got %+v, want all 8 ports", p)
			}
		}
	})
}

// TestStory is the whole run as users see it.
func TestStory(t *testing.T) {
	inLab(t, func(t *testing.T) {
		var progress []Progress
		o := Options{Ports: 32, Requests: 600, Callers: 8}
		o.Progress = func(p Progress) { progress = append(progress, p) }
		r, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		perRequest, std, cure := r.Phases[0], r.Phases[1], r.Phases[2]
		if perRequest.OK != 32 || perRequest.Failed != 568 || !perRequest.ranOut() {
			t.Errorf("got %+v, want 32 of 600 through", perRequest)
		}
		// How many http.Transport fails depends on how its callers meet.
		if std.OK+std.Failed != 600 || std.TimeWait > 32 || std.Failed > 0 && !std.ranOut() {
			t.Errorf("got %+v", std)
		}
		if !r.Cured() || cure.OK != 600 || cure.TimeWait != 0 {
			t.Errorf("got %+v, want all 600 through and nothing in TIME_WAIT", cure)
		}
		wantEachReported(t, progress)
	})
}

func wantEachReported(t *testing.T, progress []Progress) {
	t.Helper()
	seen := map[string]bool{}
	for _, p := range progress {
		seen[p.Name] = true
	}
	for _, c := range clients {
		if !seen[c.name] {
			t.Errorf("no progress of %s", c.name)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	netlab.NeedPortRange(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := Options{Ports: 8, Requests: MaxRequests, Callers: 4}
	o.Progress = func(Progress) { cancel() }
	if r, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v, %v; want the context's end", r, err)
	}
}

func TestTooFewPortsOnThisMachine(t *testing.T) {
	netlab.Run(t, netlab.Config{Range: netlab.Range{Lo: 33000, Hi: 33019}}, func(t *testing.T) {
		_, err := Run(t.Context(), Options{Ports: 64, Requests: 1, Callers: 1})
		const want = "not enough free ports in a row: want 64 of 33000–33019: try fewer --ports"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

func TestCensusCountsOneDestination(t *testing.T) {
	inLab(t, func(t *testing.T) {
		s, err := serveAfresh()
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		before, err := takeCensus(s.addr)
		if err != nil || before != (census{}) {
			t.Errorf("got %+v, %v; want nobody yet", before, err)
		}
		c := &http.Client{Transport: &http.Transport{}}
		get(t, c, s)
		if open, err := takeCensus(s.addr); err != nil || open != (census{open: 1}) {
			t.Errorf("got %+v, %v; want one connection, and not its other end", open, err)
		}
		c.CloseIdleConnections()
		if n, err := settle(t.Context(), s.addr, 0); err != nil || n != 1 {
			t.Errorf("got %d, %v; want one in TIME_WAIT", n, err)
		}
	})
}

func TestCensusAdd(t *testing.T) {
	var c census
	for _, s := range []sock.State{sock.Established, sock.TimeWait, sock.TimeWait, sock.FinWait1, sock.FinWait2, sock.SynSent} {
		c.add(s)
	}
	if want := (census{open: 1, closing: 3, timeWait: 2}); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

func get(t *testing.T, c *http.Client, s *server) {
	t.Helper()
	l := &load{client: c, url: "http://" + s.addr.String(), requests: 1}
	l.run(t.Context(), 1, ignore)
	if p := l.result(); p.OK != 1 {
		t.Fatalf("got %+v", p)
	}
}

func mustRun(t *testing.T, o Options, clients ...client) []Phase {
	t.Helper()
	r, err := run(t.Context(), o, clients)
	if err != nil {
		t.Fatal(err)
	}
	return r.Phases
}

// timeless is p without what depends on the machine.
func timeless(p Phase) Phase {
	p.Seconds, p.RequestsPerSecond = 0, 0
	return p
}
