//go:build linux

package servers

import (
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A scenario is a load on a server that has its ways. It compares what becomes of
// the load with berth and with net/http.
type scenario struct {
	name  string
	play  func(t *testing.T, p *program, n needs)
	needs needs
}

func (p *program) play(t *testing.T, scenarios []scenario) {
	p.find(t)
	t.Parallel()
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) { sc.play(t, p, sc.needs) })
	}
}

// noneLost fails for each request that net/http's rules would have saved, and for
// each failure that is no keep-alive race. If restarts is true, new connections
// may fail, too. net/http's own failures are only told.
//
// Over HTTP/1, net/http's rules say of each failure whether its request is made
// again. Over HTTP/2, what net/http loses none of is to be lost by nobody.
func noneLost(t *testing.T, n needs, their, our *tally, restarts bool) {
	t.Helper()
	if n.h2 {
		noneMoreLost(t, n, their, our)
		return
	}
	told(t.Logf, "net/http: failed, and not as it should", their.all(func(o *outcome) bool {
		return failed(o) && (o.kind.replay || !o.raced()) && !restarts
	}))
	told(t.Errorf, "lost, though its used connection broke before the answer", our.all(func(o *outcome) bool {
		return o.raced() && o.kind.replay
	}))
	told(t.Errorf, "failed, but not by a race", our.all(func(o *outcome) bool {
		return failed(o) && !o.raced() && !restarts
	}))
}

// noneMoreLost fails if requests of a kind failed that none of net/http's did.
// Where it is chance how many are lost, what fails must look like a race, and be
// no quarter of all more than with net/http.
func noneMoreLost(t *testing.T, n needs, their, our *tally) {
	t.Helper()
	told(t.Logf, "net/http: failed", their.all(failed))
	if n.lossy {
		told(t.Logf, "failed", our.all(failed))
		told(t.Errorf, "failed, but not by a race", our.all(func(o *outcome) bool { return failed(o) && !o.raced() }))
		if th, ou := len(their.all(failed)), len(our.all(failed)); ou > th+len(our.outcomes)/4 {
			t.Errorf("%d failed, and %d with net/http", ou, th)
		}
		return
	}
	lost := map[*kind]int{}
	for _, o := range their.all(failed) {
		lost[o.kind]++
	}
	told(t.Errorf, "failed, as none does with net/http", our.all(func(o *outcome) bool {
		return failed(o) && lost[o.kind] == 0
	}))
	told(t.Logf, "failed, as some do with net/http", our.all(func(o *outcome) bool {
		return failed(o) && lost[o.kind] > 0
	}))
}

// noneFails fails for each failure: there is no reason for one.
func noneFails(t *testing.T, their, our *tally) {
	t.Helper()
	told(t.Errorf, "net/http: failed", their.all(failed))
	told(t.Errorf, "failed", our.all(failed))
}

// told tells what outcomes are. A few of them say enough.
func told(tell func(string, ...any), what string, outcomes []*outcome) {
	const few = 4
	for _, o := range outcomes[:min(few, len(outcomes))] {
		tell("%s: %v", what, o)
	}
	if more := len(outcomes) - few; more > 0 {
		tell("%s: %d more", what, more)
	}
}

// keepAliveRace has requests come when the server closes idle connections.
func keepAliveRace(t *testing.T, p *program, n needs) {
	const early = 2 * time.Millisecond
	l := load{
		workers: 16,
		each:    max(10, int(600*time.Millisecond/(n.keepAlive+p.slack))),
		kinds:   []*kind{get, get, get, post},
		pause:   func() time.Duration { return n.keepAlive - early + rand.N(2*early+p.slack) },
	}
	if n.h2 {
		l.workers, l.inStep = 4, true // one connection, which all of them leave idle
	}
	their, our := compare(t, p, n, l.run1)
	noneLost(t, n, their, our, false)
}

// run1 is run, for compare.
func (l *load) run1(t *testing.T, s *server, rt http.RoundTripper) *tally { return l.run(t, s, rt) }

// stalled has a server stand still, as on a machine that has too much to do, until
// its idle connections have had their time, while a request arrives on each. Most
// servers close them before they look: the keep-alive race, made wide.
func stalled(t *testing.T, p *program, n needs) {
	kinds := []*kind{get, getBody, get, post, postKey, get, postEmpty, postMarked}
	their, our := compare(t, p, n, func(t *testing.T, s *server, rt http.RoundTripper) *tally {
		return s.frozen(t, rt, kinds, func(since time.Time) {
			time.Sleep(time.Until(since.Add(n.keepAlive + p.slack))) // the server's clock goes on
			s.thaw()
		})
	})
	t.Logf("of %d requests, net/http made %d again, berth %d", len(kinds), len(their.all(retried)), len(our.all(retried)))
	noneLost(t, n, their, our, false)
}

// killed has a server die with requests in its connections' buffers, while the
// next one takes over its listener. What becomes of each kind of request is
// certain.
func killed(t *testing.T, p *program, n needs) {
	kinds := []*kind{get, head, options, getBody, getStream, post, postEmpty, postKey, postMarked, postStream, put, deleteEmpty}
	their, our := compare(t, p, n, func(t *testing.T, s *server, rt http.RoundTripper) *tally {
		return s.frozen(t, rt, kinds, func(time.Time) {
			if err := s.crash(); err != nil {
				t.Error(err)
			}
		})
	})
	if n.h2 {
		noneMoreLost(t, n, their, our)
		return
	}
	for name, ta := range map[string]*tally{"net/http": their, "berth": our} {
		told(t.Errorf, name+": failed, or did not, against net/http's rules", ta.all(func(o *outcome) bool {
			return failed(o) == o.kind.replay
		}))
	}
}

// frozen has a request of each kind arrive on an idle connection of a server that
// stands still, and returns what became of them after wake. since is when the
// last connection became idle.
func (s *server) frozen(t *testing.T, rt http.RoundTripper, kinds []*kind, wake func(since time.Time)) *tally {
	t.Helper()
	s.warm(t, rt, len(kinds))
	since := time.Now()
	if err := s.freeze(); err != nil {
		t.Fatal(err)
	}
	var ta tally
	var wrote, wg sync.WaitGroup
	wrote.Add(len(kinds))
	for _, k := range kinds {
		wg.Go(func() {
			once := sync.OnceFunc(wrote.Done)
			defer once()
			ta.add(s.ask(t.Context(), rt, k, once))
		})
	}
	all := make(chan struct{})
	go func() { wrote.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(patience / 4):
		t.Error("requests to a server that stands still are not written")
	}
	wake(since)
	wg.Wait()
	return &ta
}

// warm leaves the transport with n idle connections, or one over HTTP/2.
func (s *server) warm(t *testing.T, rt http.RoundTripper, n int) {
	t.Helper()
	if s.h2 {
		n = 1
	}
	var open []*http.Response
	defer func() {
		for _, resp := range open {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}()
	for range n {
		req, err := get.request(t.Context(), s.url(), "warm")
		if err != nil {
			t.Fatal(err)
		}
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, resp)
	}
}

// fewPerConn has the server end each connection after some requests, and say so.
func fewPerConn(t *testing.T, p *program, n needs) {
	l := load{workers: 16, each: 40, kinds: []*kind{get, post}}
	their, our := compare(t, p, n, l.run1)
	if n.h2 {
		noneMoreLost(t, n, their, our)
		return
	}
	noneFails(t, their, our)
}

// onePerConn has the client, or the server if it keeps none alive, end each
// connection after its request.
func onePerConn(t *testing.T, p *program, n needs) {
	l := load{workers: 8, each: 10, kinds: []*kind{getClose}}
	if n.keepAlive < 0 {
		l.kinds = []*kind{get, post}
	}
	their, our := compare(t, p, n, l.run1)
	noneFails(t, their, our)
	told(t.Errorf, "on a used connection", our.all(func(o *outcome) bool { return o.reused }))
}

// steady is a load that goes on while something happens to the server, and comes
// in portions of a hundred requests.
func steady(during func(p *progress)) *load {
	return &load{
		workers: 20,
		each:    30,
		kinds:   []*kind{get, post, get, postKey},
		pause:   func() time.Duration { return rand.N(10 * time.Millisecond) },
		during:  during,
	}
}

// renewed has the server take a new configuration, several times, under a load.
func renewed(t *testing.T, p *program, n needs) {
	their, our := compare(t, p, n, func(t *testing.T, s *server, rt http.RoundTripper) *tally {
		return steady(func(pr *progress) {
			for range 2 {
				pr.await(100)
				if err := s.renew(); err != nil {
					t.Error(err)
				}
			}
			pr.await(100)
		}).run(t, s, rt)
	})
	// One that is ended may have accepted a connection that it will not serve.
	noneLost(t, n, their, our, p.reload == 0)
}

// restarted has the server die under a load, and come back on its port.
func restarted(t *testing.T, p *program, n needs) {
	their, our := compare(t, p, n, func(t *testing.T, s *server, rt http.RoundTripper) *tally {
		return steady(func(pr *progress) {
			for range 2 {
				pr.await(100)
				if err := s.crash(); err != nil {
					t.Error(err)
				}
			}
			pr.await(100)
		}).run(t, s, rt)
	})
	if n.h2 {
		return // net/http saves none, and how many there are is chance
	}
	noneLost(t, n, their, our, true)
}

// crowded has more requests than the server takes at once.
func crowded(t *testing.T, p *program, n needs) {
	l := load{workers: 24, each: 20, kinds: []*kind{get, post}}
	their, our := compare(t, p, n, l.run1)
	noneMoreLost(t, n, their, our)
}

var (
	upload       = &kind{name: "upload", method: "POST", body: strings.Repeat("0123456789abcdef", 1<<20)}
	uploadExpect = &kind{name: "upload that asks before", method: "POST", body: upload.body, header: http.Header{"Expect": {"100-continue"}}}
	uploadStream = &kind{name: "upload of a stream", method: "POST", body: upload.body, stream: true}
)

// uploads is how many uploads of each kind are refused.
const uploads = 8

// refused has the server refuse large uploads before it has read them. Between
// them come requests that it likes.
func refused(t *testing.T, p *program, n needs) {
	l := load{workers: 1, each: 6 * uploads, kinds: []*kind{upload, get, uploadStream, get, uploadExpect, get}}
	their, our := compare(t, p, n, l.run1)
	for _, k := range []*kind{upload, uploadStream, uploadExpect, get} {
		is := func(o *outcome) bool { return o.kind == k && o.err == nil && (o.status == 413) == (k != get) }
		th, ou := len(their.all(is)), len(our.all(is))
		t.Logf("%s: net/http has %d answers, berth %d", k.name, th, ou)
		if n.abrupt {
			th -= uploads / 5 // a reset may overtake the answer
		}
		if ou < th {
			t.Errorf("%s: %d answers, net/http has %d", k.name, ou, th)
		}
	}
	told(t.Logf, "failed", our.all(failed))
}
