package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/berth-go/berth"
)

// The clients by the names that flags and reports use.
const (
	nameBerth    = "berth"
	nameNetHTTP  = "net/http"
	nameFastHTTP = "fasthttp"
)

var allClients = []string{nameBerth, nameNetHTTP, nameFastHTTP}

// A mode is the way a program uses its client.
type mode string

const (
	bare             mode = "bare"
	withContext      mode = "context"
	transportTimeout mode = "Transport.Timeout"
	clientTimeout    mode = "Client.Timeout"
)

// timeout is never reached: what counts is the cost of having one.
const timeout = 30 * time.Second

// A caller makes one exchange each time it is called, and reads the whole
// answer. One goroutine uses it at a time.
type caller func() error

// A peer is one client under measurement, with its own connections.
type peer struct {
	name      string
	dialer    *dialer
	transport http.RoundTripper // nil where there is none
	newCaller func() caller
	close     func() // closes the idle connections
}

// newPeer makes the client called name, for up to conns connections to s. Each
// dial takes dialTakes longer than the kernel needs.
func newPeer(name string, s *server, m mode, conns int, dialTakes time.Duration) *peer {
	d := &dialer{takes: dialTakes}
	switch name {
	case nameBerth:
		return berthPeer(s, m, d)
	case nameNetHTTP:
		return netHTTPPeer(s, m, d, conns)
	case nameFastHTTP:
		return fastHTTPPeer(s, m, d, conns)
	}
	panic("no client " + name)
}

func (p *peer) callers(n int) []caller {
	cs := make([]caller, n)
	for i := range cs {
		cs[i] = p.newCaller()
	}
	return cs
}

// berthPeer needs no tuning: MaxIdleConnsPerHost zero is no cap.
func berthPeer(s *server, m mode, d *dialer) *peer {
	t := &berth.Transport{
		DialContext:        d.DialContext,
		TLSClientConfig:    s.tls.Clone(),
		DisableCompression: true,
		ForceAttemptHTTP2:  s.http2,
	}
	if m == transportTimeout {
		t.Timeout = timeout
	}
	return &peer{
		name: nameBerth, dialer: d, transport: t,
		newCaller: func() caller { return transportCaller(t, s, m) },
		close:     func() { t.Close() },
	}
}

// netHTTPPeer is net/http at its best: it keeps every connection.
func netHTTPPeer(s *server, m mode, d *dialer, conns int) *peer {
	t := &http.Transport{
		DialContext:         d.DialContext,
		TLSClientConfig:     s.tls.Clone(),
		DisableCompression:  true,
		ForceAttemptHTTP2:   s.http2,
		MaxIdleConnsPerHost: conns,
	}
	newCaller := func() caller { return transportCaller(t, s, m) }
	if m == transportTimeout { // the nearest it has: a deadline, body included
		newCaller = func() caller { return deadlineCaller(t, s) }
	}
	return &peer{
		name: nameNetHTTP, dialer: d, transport: t,
		newCaller: newCaller,
		close:     t.CloseIdleConnections,
	}
}

// transportCaller uses rt in the way m says. A Transport.Timeout is a matter of
// rt alone: the caller just has no context.
func transportCaller(rt http.RoundTripper, s *server, m mode) caller {
	client := &http.Client{Transport: rt}
	switch m {
	case bare:
		return bareCaller(rt, s)
	case withContext:
		return func() error {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return exchange(ctx, client, s)
		}
	case clientTimeout:
		client.Timeout = timeout
	}
	return func() error { return exchange(context.Background(), client, s) }
}

// bareCaller is the transport and nothing else: one request, used again.
func bareCaller(rt http.RoundTripper, s *server) caller {
	req, err := http.NewRequest("GET", s.url, nil)
	return func() error {
		if err != nil {
			return err
		}
		return s.drain(rt.RoundTrip(req))
	}
}

func deadlineCaller(rt http.RoundTripper, s *server) caller {
	client := &http.Client{Transport: rt}
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		return exchange(ctx, client, s)
	}
}

func exchange(ctx context.Context, c *http.Client, s *server) error {
	req, err := http.NewRequestWithContext(ctx, "GET", s.url, nil)
	if err != nil {
		return err
	}
	return s.drain(c.Do(req))
}

// drain reads what RoundTrip or Do returned to its end, and checks that it is
// the answer, in the protocol that is measured.
func (s *server) drain(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err != nil {
		return err
	}
	if (resp.ProtoMajor == 2) != s.http2 {
		return fmt.Errorf("an answer over %s", resp.Proto)
	}
	return checkAnswer(resp.StatusCode, int(n))
}

func checkAnswer(status, length int) error {
	if status != http.StatusOK || length != len(answer) {
		return fmt.Errorf("status %d with %d bytes, want 200 with %d", status, length, len(answer))
	}
	return nil
}

// together runs the callers at once, each so many times, and returns the first
// caller's error. A caller stops at its first error.
func together(callers []caller, times int) error {
	gate := make(chan struct{})
	errs := make([]error, len(callers))
	var wg sync.WaitGroup
	for i, call := range callers {
		wg.Go(func() {
			<-gate
			for range times {
				if errs[i] = call(); errs[i] != nil {
					return
				}
			}
		})
	}
	close(gate)
	wg.Wait()
	return cmp.Or(errs...)
}

// closeAll closes the connections, also those that are in use for a moment
// longer: a stream of HTTP/2 ends a little after its answer was read.
func (p *peer) closeAll() {
	for range 1000 {
		p.close()
		if p.dialer.open() == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
