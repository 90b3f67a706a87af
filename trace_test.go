package berth_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/berth-go/berth"
)

// A traceLog notes the calls of every hook of a ClientTrace, with what they say
// of the connection.
type traceLog struct {
	mu    sync.Mutex
	calls []string
}

func (l *traceLog) trace() *httptrace.ClientTrace {
	trace := new(httptrace.ClientTrace)
	v := reflect.ValueOf(trace).Elem()
	for f := range exported(v.Type()) {
		v.FieldByIndex(f.Index).Set(reflect.MakeFunc(f.Type, func(args []reflect.Value) []reflect.Value {
			l.note(f.Name, args)
			if f.Type.NumOut() > 0 {
				return []reflect.Value{reflect.Zero(f.Type.Out(0))}
			}
			return nil
		}))
	}
	return trace
}

func (l *traceLog) note(name string, args []reflect.Value) {
	text := name
	for _, arg := range args {
		switch a := arg.Interface().(type) {
		case httptrace.GotConnInfo:
			text += fmt.Sprintf(" reused %v, was idle %v, %T", a.Reused, a.WasIdle, a.Conn)
		case httptrace.WroteRequestInfo:
			text += fmt.Sprintf(" %v", a.Err)
		case tls.ConnectionState:
			text += fmt.Sprintf(" %q", a.NegotiatedProtocol)
		case int:
			text += fmt.Sprintf(" %d", a)
		case string:
			text += " " + a
		case []string:
			text += fmt.Sprintf(" %q", a)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, text)
}

// comparable is the log without what chance or a detail of net/http decides:
// ports; the order of header fields, which is the map's; how what the writer
// tells and what the reader tells lie between each other; a GetConn for each of
// the two pools that net/http has.
func (l *traceLog) comparable(srv *httptest.Server) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range l.calls {
		l.calls[i] = strings.ReplaceAll(c, srv.Listener.Addr().String(), "HOST")
	}
	for i := 0; i < len(l.calls); i++ {
		n := i
		for n < len(l.calls) && strings.HasPrefix(l.calls[n], "WroteHeaderField") {
			n++
		}
		slices.Sort(l.calls[i:n])
		i = max(i, n)
	}
	slices.SortStableFunc(l.calls, func(a, b string) int { return whoTells(a) - whoTells(b) })
	return slices.CompactFunc(l.calls, func(a, b string) bool { return a == b && strings.HasPrefix(a, "GetConn") })
}

// whoTells is the part of the exchange that a hook belongs to.
func whoTells(call string) int {
	switch hook, _, _ := strings.Cut(call, " "); hook {
	case "WroteHeaderField", "WroteHeaders", "Wait100Continue", "WroteRequest":
		return 1
	case "GotFirstResponseByte", "Got100Continue", "Got1xxResponse":
		return 2
	case "PutIdleConn":
		return 3
	}
	return 0 // the pool and the dial
}

// A trace hears of a request what it hears from net/http, in the same order: on
// a new connection and on one that was used before, over each protocol.
func TestTraceHearsWhatNetHTTPTells(t *testing.T) {
	requests := map[string]func(url string) *http.Request{
		"GET": func(url string) *http.Request { return httptest.NewRequest("GET", url, nil) },
		"POST": func(url string) *http.Request {
			return httptest.NewRequest("POST", url, strings.NewReader("hello"))
		},
		"POST of unknown length": func(url string) *http.Request {
			r := httptest.NewRequest("POST", url, io.MultiReader(strings.NewReader("hello")))
			r.ContentLength = -1
			return r
		},
		"Expect": func(url string) *http.Request {
			r := httptest.NewRequest("POST", url, strings.NewReader("hello"))
			r.Header.Set("Expect", "100-continue")
			return r
		},
		"hints": func(url string) *http.Request { return httptest.NewRequest("GET", url+"/hints", nil) },
		"close": func(url string) *http.Request {
			r := httptest.NewRequest("GET", url, nil)
			r.Close = true
			return r
		},
	}
	for _, proto := range []string{"http", "https", "h2"} {
		for name, request := range requests {
			t.Run(proto+"/"+name, func(t *testing.T) {
				std, ours := traced(t, proto, request, asNetHTTP), traced(t, proto, request, asBerth)
				if !slices.Equal(std, ours) {
					t.Errorf("net/http:\n\t%s\nberth:\n\t%s", strings.Join(std, "\n\t"), strings.Join(ours, "\n\t"))
				}
			})
		}
	}
}

func asNetHTTP(t *http.Transport) http.RoundTripper { return t }

func asBerth(t *http.Transport) http.RoundTripper { return berth.From(t) }

// traced makes the request twice, and returns what the traces heard.
func traced(t *testing.T, proto string, request func(string) *http.Request, as func(*http.Transport) http.RoundTripper) (calls []string) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hints" {
			w.WriteHeader(http.StatusEarlyHints)
		}
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello")
	}))
	srv.EnableHTTP2 = proto == "h2"
	if proto == "http" {
		srv.Start()
	} else {
		srv.StartTLS()
	}
	defer srv.Close()
	rt := as(&http.Transport{
		TLSClientConfig:       &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2:     proto == "h2",
		ExpectContinueTimeout: 1 << 40, // the server's word is what counts
	})
	defer closeTransport(rt)
	for range 2 {
		var log traceLog
		req := request(srv.URL)
		resp, err := rt.RoundTrip(req.WithContext(httptrace.WithClientTrace(t.Context(), log.trace())))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		calls = append(calls, log.comparable(srv)...)
	}
	return calls
}
