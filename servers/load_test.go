//go:build linux

package servers

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// A kind is a kind of request.
type kind struct {
	name   string
	method string
	header http.Header
	body   string
	stream bool // the body can be read once only
	close  bool // Request.Close
	replay bool // net/http makes it again when a used connection breaks before the answer (Request.isReplayable)
}

var (
	get         = &kind{name: "GET", method: "GET", replay: true}
	head        = &kind{name: "HEAD", method: "HEAD", replay: true}
	options     = &kind{name: "OPTIONS", method: "OPTIONS", replay: true}
	getBody     = &kind{name: "GET with a body", method: "GET", body: "x", replay: true}
	getStream   = &kind{name: "GET with a stream", method: "GET", body: "x", stream: true}
	getClose    = &kind{name: "GET, then close", method: "GET", close: true, replay: true}
	post        = &kind{name: "POST", method: "POST", body: "x"}
	postEmpty   = &kind{name: "POST without a body", method: "POST"}
	postKey     = &kind{name: "POST with a key", method: "POST", body: "x", header: http.Header{"Idempotency-Key": {"k"}}, replay: true}
	postMarked  = &kind{name: "POST with a key that is not sent", method: "POST", body: "x", header: http.Header{"X-Idempotency-Key": {}}, replay: true}
	postStream  = &kind{name: "POST with a key and a stream", method: "POST", body: "x", stream: true, header: http.Header{"Idempotency-Key": {"k"}}}
	put         = &kind{name: "PUT", method: "PUT", body: "x"}
	deleteEmpty = &kind{name: "DELETE", method: "DELETE"}
)

// request makes a request of the kind, with an id.
func (k *kind) request(ctx context.Context, url, id string) (*http.Request, error) {
	var body io.Reader
	switch {
	case k.stream:
		body = io.NopCloser(io.MultiReader(strings.NewReader(k.body)))
	case k.body != "":
		body = strings.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, url, body)
	if err != nil {
		return nil, err
	}
	if k.stream {
		req.ContentLength = int64(len(k.body))
	}
	if k.header != nil {
		req.Header = k.header.Clone()
	}
	req.Header.Set("X-Id", id)
	req.Close = k.close
	return req, nil
}

// An outcome is what became of a request.
type outcome struct {
	kind   *kind
	id     string
	status int
	err    error // of RoundTrip, or of reading the body
	wrong  error // what is not right about the answer
	track
}

// A track is how far a request came.
type track struct {
	tries  int  // how often it was given a connection, or waited for one and got none
	got    bool // the last time, it was given one
	reused bool // that was used before
	wrote  bool // that it was written to
	began  bool // that a byte came from
}

// raced reports whether the request failed by what a keep-alive race looks like:
// a used connection that ended before a byte of the answer came.
func (o *outcome) raced() bool { return o.err != nil && o.reused && !o.began }

func (o *outcome) String() string {
	return fmt.Sprintf("%s %s: %v (%d tries; the last: got=%t reused=%t wrote=%t began=%t)",
		o.kind.name, o.id, cmp.Or(o.wrong, o.err), o.tries, o.got, o.reused, o.wrote, o.began)
}

// A tracker has the track of a request, whose hooks may be called from any
// goroutine, and after the request's end.
type tracker struct {
	mu      sync.Mutex
	track   track // guarded by mu
	written func()
}

func (tr *tracker) trace() *httptrace.ClientTrace {
	note := func(f func(*track)) {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		f(&tr.track)
	}
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			note(func(t *track) { *t = track{tries: t.tries + 1} })
		},
		GotConn: func(i httptrace.GotConnInfo) {
			note(func(t *track) {
				if t.got {
					t.tries++ // HTTP/2's retries, which net/http does not tell of by GetConn
				}
				*t = track{tries: t.tries, got: true, reused: i.Reused}
			})
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			note(func(t *track) { t.wrote = true })
			if tr.written != nil {
				tr.written()
			}
		},
		GotFirstResponseByte: func() { note(func(t *track) { t.began = true }) },
	}
}

func (tr *tracker) now() track {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.track
}

// ask makes a request of the server and reads the answer to its end. written,
// if it is not nil, is called each time the request has been written.
func (s *server) ask(ctx context.Context, rt http.RoundTripper, k *kind, written func()) (o *outcome) {
	o = &outcome{kind: k, id: fmt.Sprintf("%d", s.asked.Add(1))}
	tr := &tracker{written: written}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := k.request(httptrace.WithClientTrace(ctx, tr.trace()), s.url(), o.id)
	if err != nil {
		o.wrong = err
		return o
	}
	defer func() { o.track = tr.now() }()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		o.err = err
		return o
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, o.err = body.ReadFrom(resp.Body); o.err == nil {
		o.status = resp.StatusCode
		o.wrong = s.check(o, resp, body.String())
	}
	return o
}

// check says what is wrong with an answer.
func (s *server) check(o *outcome, resp *http.Response, body string) error {
	if resp.StatusCode != 200 {
		if s.maxBody > 0 && resp.StatusCode == 413 {
			return nil // it says so without the id
		}
		return fmt.Errorf("status %s", resp.Status)
	}
	if id := resp.Header.Get("X-Id"); id != o.id {
		return fmt.Errorf("the answer is that of %q", id)
	}
	if o.kind.method != "HEAD" && o.kind.method != "OPTIONS" && body != o.id {
		return fmt.Errorf("the body is %q", body)
	}
	if s.h2 != (resp.ProtoMajor == 2) {
		return fmt.Errorf("the answer came by %s", resp.Proto)
	}
	return nil
}

// A load is made by workers, each of which makes one request after the other, of
// the kinds in turn.
type load struct {
	workers int
	each    int // requests of a worker; it goes on while during does, up to twenty times as many
	kinds   []*kind
	inStep  bool                 // they begin each request together
	pause   func() time.Duration // before it, but the first
	during  func(p *progress)    // runs beside the load
}

func (l *load) run(t *testing.T, s *server, rt http.RoundTripper) *tally {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	p := newProgress()
	beside := make(chan struct{})
	go func() {
		defer close(beside)
		if l.during != nil {
			l.during(p)
		}
	}()
	var ta tally
	var wg sync.WaitGroup
	goesOn := func(i int) bool { return i < l.each || i < 20*l.each && !isClosed(beside) }
	round := func(w, i int) {
		ta.add(s.ask(ctx, rt, l.kinds[(w+i)%len(l.kinds)], nil))
		p.step()
	}
	rest := func(i int) {
		if i > 0 && l.pause != nil {
			time.Sleep(l.pause())
		}
	}
	if l.inStep {
		for i := 0; goesOn(i); i++ {
			rest(i)
			for w := range l.workers {
				wg.Go(func() { round(w, i) })
			}
			wg.Wait()
		}
	}
	for w := range l.workers {
		wg.Go(func() {
			for i := 0; !l.inStep && goesOn(i); i++ {
				rest(i)
				round(w, i)
			}
		})
	}
	wg.Wait()
	p.end()
	<-beside
	return &ta
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A progress counts the requests of a load as they end.
type progress struct {
	mu    sync.Mutex // guards the fields below
	moved sync.Cond
	done  int
	ended bool
}

func newProgress() *progress {
	p := &progress{}
	p.moved.L = &p.mu
	return p
}

func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.moved.Broadcast()
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.moved.Broadcast()
}

// await returns when n more requests have ended, or the load has.
func (p *progress) await(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for until := p.done + n; p.done < until && !p.ended; {
		p.moved.Wait()
	}
}

// A tally is what became of all requests of a load.
type tally struct {
	mu       sync.Mutex
	outcomes []*outcome // guarded by mu
}

func (ta *tally) add(o *outcome) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.outcomes = append(ta.outcomes, o)
}

// all returns the outcomes that f is true of.
func (ta *tally) all(f func(*outcome) bool) (some []*outcome) {
	for _, o := range ta.outcomes {
		if f(o) {
			some = append(some, o)
		}
	}
	return some
}

func failed(o *outcome) bool  { return o.err != nil }
func retried(o *outcome) bool { return o.tries > 1 }

func (ta *tally) String() string {
	return fmt.Sprintf("%d requests, %d on used connections, %d retried, %d failed", len(ta.outcomes),
		len(ta.all(func(o *outcome) bool { return o.reused })), len(ta.all(retried)), len(ta.all(failed)))
}

// checkAnswers holds what is true of every request, whatever happens: its answer
// is its own, and its end comes.
func (ta *tally) checkAnswers(t *testing.T) {
	t.Helper()
	told(t.Errorf, "wrong", ta.all(func(o *outcome) bool { return o.wrong != nil }))
	told(t.Errorf, "hangs", ta.all(func(o *outcome) bool { return errors.Is(o.err, context.DeadlineExceeded) }))
}

// checkSeen holds what the server saw against what was asked of it: a request
// that must not be repeated came once at most, another one for each of its tries
// at most.
func (ta *tally) checkSeen(t *testing.T, s *server) {
	t.Helper()
	var seen map[string]int
	unseen := func(o *outcome) bool { return o.status == 200 && !s.killed && seen[o.id] == 0 }
	err := poll(func() (err error) {
		if seen, err = s.seen(); err == nil && len(ta.all(unseen)) > 0 {
			err = errors.New("answers that the server has not given") // or not yet written down
		}
		return err
	})
	if err != nil {
		told(t.Errorf, err.Error(), ta.all(unseen))
	}
	if err := s.endAll(); err != nil { // it has no more to write down
		t.Error(err)
	}
	if seen, err = s.seen(); err != nil {
		t.Error(err)
	}
	told(t.Errorf, "came too often", ta.all(func(o *outcome) bool {
		most := 1
		if o.kind.replay {
			most = max(o.tries, 1)
		}
		return seen[o.id] > most
	}))
}
