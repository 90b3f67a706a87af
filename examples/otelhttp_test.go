package examples_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth"
	"go.opentelemetry.io/contrib/instrumentation/net/http/httptrace/otelhttptrace"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Spans of a request, its connection included.
func Example_otelhttp() {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))

	transport := berth.Default()
	client := &http.Client{Transport: otelhttp.NewTransport(transport,
		otelhttp.WithTracerProvider(provider),
		otelhttp.WithClientTrace(func(ctx context.Context) *httptrace.ClientTrace {
			return otelhttptrace.NewClientTrace(ctx)
		}),
	)}

	for range 2 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	for _, span := range spans.Ended() {
		fmt.Println(span.Name())
	}

	s := transport.Stats()
	fmt.Println(s.Acquired, "requests,", s.Dials, "dial,", s.Reused, "reused")
	// Output:
	// http.connect
	// http.getconn
	// http.headers
	// http.send
	// http.receive
	// HTTP GET
	// http.getconn
	// http.headers
	// http.send
	// http.receive
	// HTTP GET
	// 2 requests, 1 dial, 1 reused
}

// A wire is a way for requests to travel.
type wire struct {
	name string
	tls  bool
	use  func(*http.Protocols, bool)
}

var wires = []wire{
	{"HTTP1", false, (*http.Protocols).SetHTTP1},
	{"HTTP1 over TLS", true, (*http.Protocols).SetHTTP1},
	{"HTTP2 over TLS", true, (*http.Protocols).SetHTTP2},
	{"HTTP2 without TLS", false, (*http.Protocols).SetUnencryptedHTTP2},
}

func (w wire) h2c() bool { return w.protocols().UnencryptedHTTP2() }

func (w wire) protocols() *http.Protocols {
	p := new(http.Protocols)
	w.use(p, true)
	return p
}

// A story is something that happens to requests, and of which tracing tells.
// What the server and the client do at the same time has to wait for the
// client's hooks (diary.await), or net/http alone would tell it in two orders.
type story struct {
	name  string
	serve func(*diary, http.ResponseWriter, *http.Request)
	live  func(d *diary, client *http.Client, url string) // default: one GET
	set   func(*http.Transport)
	only  func(wire) bool
	want  []string // some of what is told, in this order
}

var stories = []story{
	{
		name: "a new connection, and the same again",
		live: func(d *diary, client *http.Client, url string) {
			d.get(client, url)
			d.get(client, url)
		},
		want: []string{"GetConn", "ConnectStart", "GotConn reused=false", "GotConn reused=true", "end HTTP GET"},
	},
	{
		name: "a host by its name",
		live: func(d *diary, client *http.Client, url string) {
			d.get(client, strings.Replace(url, "127.0.0.1", "localhost", 1))
		},
		set: func(t *http.Transport) {
			// Names are looked up in this machine's own table only.
			dialer := net.Dialer{Resolver: &net.Resolver{
				PreferGo: true,
				Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") },
			}}
			t.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp4", addr)
			}
			t.TLSClientConfig.ServerName = "example.com" // the name in httptest's certificate
		},
		want: []string{"DNSStart localhost", "DNSDone", "ConnectStart", "GotConn reused=false"},
	},
	{
		name: "a body",
		live: func(d *diary, client *http.Client, url string) { d.post(client, url, 10) },
		want: []string{"WroteHeaders", "WroteRequest", "GotFirstResponseByte", "end HTTP POST"},
	},
	{
		name: "a large body",
		live: func(d *diary, client *http.Client, url string) { d.post(client, url, 1<<20) },
		want: []string{"WroteHeaders", "WroteRequest", "GotFirstResponseByte", "end HTTP POST"},
	},
	{
		name: "100-continue",
		serve: func(d *diary, w http.ResponseWriter, r *http.Request) {
			d.await("Wait100Continue")
			serve(d, w, r)
		},
		live: func(d *diary, client *http.Client, url string) {
			req, _ := http.NewRequest("POST", url, &gate{d, "Got1xxResponse", strings.NewReader("hello")})
			req.ContentLength = 5
			req.Header.Set("Expect", "100-continue")
			d.send(client, req)()
		},
		want: []string{"Wait100Continue", "Got100Continue", "WroteRequest"},
	},
	{
		name: "early hints",
		serve: func(d *diary, w http.ResponseWriter, r *http.Request) {
			d.await("WroteRequest")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		},
		want: []string{"WroteRequest", "Got1xxResponse 103", "end HTTP GET"},
	},
	{
		name: "no body to read",
		live: func(d *diary, client *http.Client, url string) {
			req, _ := http.NewRequest("HEAD", url, nil)
			d.send(client, req)()
		},
		want: []string{"GotFirstResponseByte", "end HTTP HEAD"},
	},
	{
		name: "a redirect",
		serve: func(d *diary, w http.ResponseWriter, r *http.Request) {
			d.await("WroteRequest")
			if r.URL.Path != "/there" {
				http.Redirect(w, r, "/there", http.StatusFound)
			}
		},
		want: []string{"GotConn reused=false", "GotConn reused=true"},
	},
	{
		name: "the server asks to close",
		serve: func(d *diary, w http.ResponseWriter, r *http.Request) {
			d.await("WroteRequest")
			w.Header().Set("Connection", "close")
		},
		only: overHTTP1,
		want: []string{"GotFirstResponseByte", "end HTTP GET"},
	},
	{
		name: "no connection is kept",
		set:  func(t *http.Transport) { t.MaxIdleConnsPerHost = -1 },
		only: overHTTP1,
		want: []string{"GotFirstResponseByte", "end HTTP GET"},
	},
	{
		name: "one connection is kept",
		set:  func(t *http.Transport) { t.MaxIdleConnsPerHost = 1 },
		live: func(d *diary, client *http.Client, url string) {
			finish := d.begin(client, url)
			d.get(client, url)
			finish()
		},
		only: overHTTP1,
		want: []string{"PutIdleConn", "end HTTP GET", "PutIdleConn failed", "end HTTP GET"},
	},
	{
		name: "keep-alives are disabled",
		set:  func(t *http.Transport) { t.DisableKeepAlives = true },
		only: overHTTP1,
		want: []string{"GotFirstResponseByte", "end HTTP GET"},
	},
	{
		name: "the server hangs up",
		serve: func(d *diary, w http.ResponseWriter, r *http.Request) {
			d.await("WroteRequest")
			panic(http.ErrAbortHandler)
		},
		want: []string{"WroteRequest", "end HTTP GET", "failed"},
	},
	{
		name: "the request is cancelled",
		serve: func(d *diary, w http.ResponseWriter, r *http.Request) {
			d.await("WroteRequest")
			d.cancel()
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // rather than an answer that may come in time
		},
		want: []string{"WroteRequest", "end HTTP GET", "failed"},
	},
	{
		name: "nobody listens",
		live: func(d *diary, client *http.Client, url string) {
			srv := httptest.NewServer(http.NotFoundHandler())
			srv.Close()
			scheme, _, _ := strings.Cut(url, ":")
			d.get(client, scheme+"://"+srv.Listener.Addr().String())
		},
		want: []string{"ConnectStart", "ConnectDone failed", "end HTTP GET", "failed"},
	},
	{
		name: "the certificate is not trusted",
		set:  func(t *http.Transport) { t.TLSClientConfig.RootCAs = nil },
		only: func(w wire) bool { return w.tls },
		want: []string{"TLSHandshakeStart", "TLSHandshakeDone failed", "end HTTP GET", "failed"},
	},
}

func overHTTP1(w wire) bool { return w.protocols().HTTP1() }

// Whatever happens, httptrace's hooks are called and OpenTelemetry's spans begin
// and end over a berth.Transport as over an http.Transport: the same, in the
// same order, with the same attributes.
func TestOtelhttpTellsTheSame(t *testing.T) {
	for _, w := range wires {
		for _, s := range stories {
			if s.only != nil && !s.only(w) {
				continue
			}
			t.Run(w.name+"/"+s.name, func(t *testing.T) {
				var pool berth.Stats
				theirs := tellTwice(t, s, w, func(t *http.Transport) (http.RoundTripper, func()) { return t, t.CloseIdleConnections })
				ours := tell(t, s, w, func(t *http.Transport) (http.RoundTripper, func()) {
					b := swap(t)
					return b, func() {
						pool = b.Stats()
						b.Close()
					}
				})

				if rest := without(theirs, s.want); len(rest) > 0 {
					t.Errorf("http.Transport does not tell %q, in this order, in\n\t%s", rest, strings.Join(theirs, "\n\t"))
				}
				if got, want := count(ours, "GetConn"), count(ours, "start HTTP "); got != want {
					t.Errorf("berth.Transport calls GetConn %d times for %d requests", got, want)
				}
				if w.h2c() {
					theirs, ours = leaveOutGetConn(theirs), leaveOutGetConn(ours)
				}
				if !slices.Equal(theirs, ours) {
					t.Errorf("http.Transport tells\n\t%s\nberth.Transport tells\n\t%s", strings.Join(theirs, "\n\t"), strings.Join(ours, "\n\t"))
				}

				acquired, reused := count(theirs, "GotConn"), count(theirs, "GotConn reused=true")
				if pool.Acquired != acquired || pool.Reused != reused {
					t.Errorf("the pool counted %d requests, %d of them on a used connection; the traces tell of %d and %d",
						pool.Acquired, pool.Reused, acquired, reused)
				}
			})
		}
	}
}

// leaveOutGetConn removes the hook and its span: for a used connection of HTTP/2
// without TLS, http.Transport calls it twice, and the second span never ends.
func leaveOutGetConn(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return line == "GetConn" || line == "start http.getconn" || strings.HasPrefix(line, "end http.getconn,")
	})
}

// tellTwice lives through a story until it is told twice in the same way: on a
// busy machine http.Transport closes a connection of HTTP/1 that it should have
// kept, if the goroutine that wrote to it is 50 ms late to say so.
func tellTwice(t *testing.T, s story, w wire, with func(*http.Transport) (rt http.RoundTripper, end func())) []string {
	told := tell(t, s, w, with)
	for {
		again := tell(t, s, w, with)
		if slices.Equal(told, again) {
			return told
		}
		told = again
	}
}

// tell lives through a story, and returns the diary.
func tell(t *testing.T, s story, w wire, with func(*http.Transport) (rt http.RoundTripper, end func())) []string {
	// A hook that is never called must not hang the test, only fail it.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d := &diary{ctx: ctx, cancel: cancel, told: sync.NewCond(new(sync.Mutex))}
	defer context.AfterFunc(ctx, d.told.Broadcast)()

	if s.serve == nil {
		s.serve = serve
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
		s.serve(d, w, r)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Config.Protocols = w.protocols()
	srv.EnableHTTP2 = srv.Config.Protocols.HTTP2()
	base := &http.Transport{
		Protocols:             w.protocols(),
		TLSClientConfig:       new(tls.Config),
		ExpectContinueTimeout: time.Minute,
	}
	if w.tls {
		srv.StartTLS()
		base.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	} else {
		srv.Start()
	}
	defer srv.Close()
	if s.set != nil {
		s.set(base)
	}

	transport, end := with(base)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(d))
	client := &http.Client{Transport: otelhttp.NewTransport(transport,
		otelhttp.WithTracerProvider(provider),
		otelhttp.WithClientTrace(func(ctx context.Context) *httptrace.ClientTrace { return otelhttptrace.NewClientTrace(ctx) }),
	)}
	if s.live == nil {
		s.live = (*diary).get
	}
	s.live(d, client, srv.URL)
	end()
	d.told.L.Lock()
	defer d.told.L.Unlock()
	sortFields(d.lines)
	return slices.Clone(d.lines)
}

// sortFields sorts the header's fields of each request: net/http's order is that
// of a map over HTTP/2, and berth's not always net/http's (docs/transport.md).
func sortFields(lines []string) {
	const field = "WroteHeaderField "
	for i := 0; i < len(lines); i++ {
		n := 0
		for i+n < len(lines) && strings.HasPrefix(lines[i+n], field) {
			n++
		}
		slices.Sort(lines[i : i+n])
		i += n
	}
}

// swap returns the berth.Transport for an http.Transport: the same fields.
func swap(t *http.Transport) *berth.Transport {
	return &berth.Transport{
		DialContext:           t.DialContext,
		TLSClientConfig:       t.TLSClientConfig,
		DisableKeepAlives:     t.DisableKeepAlives,
		MaxIdleConnsPerHost:   t.MaxIdleConnsPerHost,
		ExpectContinueTimeout: t.ExpectContinueTimeout,
		Protocols:             t.Protocols,
	}
}

// serve answers once the request is read and, says the client's trace, written.
func serve(d *diary, w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	d.await("WroteRequest")
	io.WriteString(w, "hello")
}

// A diary has what httptrace and OpenTelemetry tell of the requests that are
// made with its methods, a line each, without what differs from run to run.
type diary struct {
	ctx    context.Context
	cancel context.CancelFunc

	told  *sync.Cond // its lock guards the fields below
	lines []string
	read  int // lines that await has passed
}

var port = regexp.MustCompile(`\b[0-9]{4,5}\b`)

func (d *diary) tell(format string, args ...any) {
	line := port.ReplaceAllString(fmt.Sprintf(format, args...), "PORT")
	d.told.L.Lock()
	defer d.told.L.Unlock()
	d.lines = append(d.lines, line)
	d.told.Broadcast()
}

// await returns when a line that begins so is told, after those that the last
// await returned for.
func (d *diary) await(prefix string) {
	d.told.L.Lock()
	defer d.told.L.Unlock()
	for {
		for d.read < len(d.lines) {
			d.read++
			if strings.HasPrefix(d.lines[d.read-1], prefix) {
				return
			}
		}
		if d.ctx.Err() != nil {
			d.lines = append(d.lines, "never told: "+prefix)
			return
		}
		d.told.Wait()
	}
}

// A gate is a body that is not to be read before something is told.
type gate struct {
	diary *diary
	until string
	body  io.Reader
}

func (g *gate) Read(p []byte) (int, error) {
	if g.until != "" {
		g.diary.await(g.until)
		g.until = ""
	}
	return g.body.Read(p)
}

func (d *diary) get(client *http.Client, url string) { d.begin(client, url)() }

// begin makes a request whose body the returned function reads.
func (d *diary) begin(client *http.Client, url string) (finish func()) {
	req, _ := http.NewRequest("GET", url, nil)
	return d.send(client, req)
}

func (d *diary) post(client *http.Client, url string, size int) {
	req, _ := http.NewRequest("POST", url, bytes.NewReader(make([]byte, size)))
	d.send(client, req)()
}

func (d *diary) send(client *http.Client, req *http.Request) (finish func()) {
	resp, err := client.Do(req.WithContext(httptrace.WithClientTrace(d.ctx, d.hooks())))
	if err != nil {
		d.tell("failed")
		return func() {}
	}
	return func() {
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		d.tell("%s %s %q, %v", resp.Proto, resp.Status, text, err)
	}
}

// hooks are called after OpenTelemetry's own, as those are added later.
func (d *diary) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { d.tell("GetConn") },
		GotConn: func(info httptrace.GotConnInfo) {
			d.tell("GotConn reused=%v idle=%v %T", info.Reused, info.WasIdle, info.Conn)
		},
		PutIdleConn:          func(err error) { d.tell("PutIdleConn%s", failed(err)) },
		GotFirstResponseByte: func() { d.tell("GotFirstResponseByte") },
		Got100Continue:       func() { d.tell("Got100Continue") },
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			d.tell("Got1xxResponse %d", code)
			return nil
		},
		DNSStart:          func(info httptrace.DNSStartInfo) { d.tell("DNSStart %s", info.Host) },
		DNSDone:           func(info httptrace.DNSDoneInfo) { d.tell("DNSDone%s", failed(info.Err)) },
		ConnectStart:      func(network, _ string) { d.tell("ConnectStart %s", network) },
		ConnectDone:       func(network, _ string, err error) { d.tell("ConnectDone%s", failed(err)) },
		TLSHandshakeStart: func() { d.tell("TLSHandshakeStart") },
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			d.tell("TLSHandshakeDone%s %s", failed(err), state.NegotiatedProtocol)
		},
		WroteHeaderField: func(name string, _ []string) { d.tell("WroteHeaderField %s", name) },
		WroteHeaders:     func() { d.tell("WroteHeaders") },
		Wait100Continue:  func() { d.tell("Wait100Continue") },
		WroteRequest:     func(info httptrace.WroteRequestInfo) { d.tell("WroteRequest%s", failed(info.Err)) },
	}
}

func failed(err error) string {
	if err != nil {
		return " failed"
	}
	return ""
}

// A diary is a SpanProcessor.

func (d *diary) OnStart(_ context.Context, span sdktrace.ReadWriteSpan) {
	d.tell("start %s", span.Name())
}

func (d *diary) OnEnd(span sdktrace.ReadOnlySpan) {
	var attrs, events []string
	for _, a := range span.Attributes() {
		if a.Key == otelhttptrace.HTTPConnectionIdleTime {
			a.Value = attribute.StringValue("some")
		}
		attrs = append(attrs, fmt.Sprintf("%s=%s", a.Key, a.Value.Emit()))
	}
	for _, e := range span.Events() {
		events = append(events, e.Name)
	}
	slices.Sort(attrs)
	d.tell("end %s, %s, child=%v, %s, %q, events %q",
		span.Name(), span.SpanKind(), span.Parent().IsValid(), span.Status().Code, attrs, events)
}

func (d *diary) Shutdown(context.Context) error   { return nil }
func (d *diary) ForceFlush(context.Context) error { return nil }

// without returns what of want does not occur in lines, by prefix and in order.
func without(lines, want []string) []string {
	for _, line := range lines {
		if len(want) > 0 && strings.HasPrefix(line, want[0]) {
			want = want[1:]
		}
	}
	return want
}

func count(lines []string, prefix string) (n int64) {
	for _, line := range lines {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}
