package berth_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth"
)

// Every exported field of http.Transport is there, by name and type, and so are
// its methods.
func TestHasAllOfHTTPTransport(t *testing.T) {
	std, ours := reflect.TypeFor[http.Transport](), reflect.TypeFor[berth.Transport]()
	for f := range exported(std) {
		if g, ok := ours.FieldByName(f.Name); !ok || g.Type != f.Type {
			t.Errorf("field %s %v: found %v", f.Name, f.Type, g.Type)
		}
	}
	stdPtr, oursPtr := reflect.TypeFor[*http.Transport](), reflect.TypeFor[*berth.Transport]()
	for i := range stdPtr.NumMethod() {
		m := stdPtr.Method(i)
		if m.Name == "CancelRequest" { // deprecated, and does nothing over HTTP/2
			continue
		}
		g, ok := oursPtr.MethodByName(m.Name)
		if !ok || m.Name != "Clone" && !sameSignature(m.Type, g.Type) {
			t.Errorf("method %s: found %v", m.Name, g.Type)
		}
	}
}

func exported(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !yield(f) {
				return
			}
		}
	}
}

// sameSignature compares two methods but for their receivers.
func sameSignature(a, b reflect.Type) bool {
	in := func(t reflect.Type) (ts []reflect.Type) {
		for i := 1; i < t.NumIn(); i++ {
			ts = append(ts, t.In(i))
		}
		for i := range t.NumOut() {
			ts = append(ts, t.Out(i))
		}
		return ts
	}
	return slices.Equal(in(a), in(b))
}

// fill sets every exported field of a struct to something that is not zero.
func fill(v reflect.Value) {
	set := map[string]any{
		"Proxy":                  http.ProxyFromEnvironment,
		"OnProxyConnectResponse": func(context.Context, *url.URL, *http.Request, *http.Response) error { return nil },
		"DialContext":            new(net.Dialer).DialContext,
		"Dial":                   new(net.Dialer).Dial,
		"DialTLSContext":         new(net.Dialer).DialContext,
		"DialTLS":                new(net.Dialer).Dial,
		"TLSClientConfig":        &tls.Config{ServerName: "x"},
		"TLSNextProto":           map[string]func(string, *tls.Conn) http.RoundTripper{"x": nil},
		"ProxyConnectHeader":     http.Header{"X": {"x"}},
		"GetProxyConnectHeader":  func(context.Context, *url.URL, string) (http.Header, error) { return nil, nil },
		"HTTP2":                  &http.HTTP2Config{MaxReadFrameSize: 1 << 20},
		"Protocols":              new(http.Protocols),
		"Events":                 new(berth.Events),
		"Logger":                 slog.Default(),
		"Resolver":               net.DefaultResolver,
		"LocalAddrs":             []netip.Addr{netip.IPv6LinkLocalAllNodes()},
		"Control":                func(string, string, syscall.RawConn) error { return nil },
	}
	set["Protocols"].(*http.Protocols).SetHTTP1(true)
	for f := range exported(v.Type()) {
		field := v.FieldByIndex(f.Index)
		switch field.Kind() {
		case reflect.Int, reflect.Int64:
			field.SetInt(int64(len(f.Name)) + 1)
		case reflect.Bool:
			field.SetBool(true)
		default:
			field.Set(reflect.ValueOf(set[f.Name]))
		}
	}
}

// wantSame wants the fields of one struct in another, the values or, of
// functions, that there is one; and nothing that pointers point at shared.
func wantSame(t *testing.T, from, to reflect.Value) {
	t.Helper()
	for f := range exported(from.Type()) {
		a, b := from.FieldByIndex(f.Index), to.FieldByName(f.Name)
		switch {
		case a.Kind() == reflect.Func:
			if b.IsNil() {
				t.Errorf("%s is lost", f.Name)
			}
			continue
		case f.Name == "TLSClientConfig":
			if b.IsNil() || b.Interface().(*tls.Config).ServerName != "x" {
				t.Errorf("%s is lost", f.Name)
			}
		case f.Name == "TLSNextProto":
			if b.Len() != a.Len() {
				t.Errorf("%s has %d entries, want %d", f.Name, b.Len(), a.Len())
			}
		case !reflect.DeepEqual(a.Interface(), b.Interface()):
			t.Errorf("%s is %v, want %v", f.Name, b, a)
		}
		if f.Name == "Events" || f.Name == "Logger" || f.Name == "Resolver" {
			continue // they are whom to tell or to ask, not what is set
		}
		if k := a.Kind(); (k == reflect.Pointer || k == reflect.Map || k == reflect.Slice) && a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", f.Name)
		}
	}
}

func TestCloneHasEveryField(t *testing.T) {
	tr := new(berth.Transport)
	v := reflect.ValueOf(tr).Elem()
	fill(v)
	wantSame(t, v, reflect.ValueOf(tr.Clone()).Elem())
}

func TestFromHasEveryField(t *testing.T) {
	std := new(http.Transport)
	v := reflect.ValueOf(std).Elem()
	fill(v)
	wantSame(t, v, reflect.ValueOf(berth.From(std)).Elem())
}

// From of Transports that were used, or not: the protocol that they speak, over
// connections of our own.
func TestFromSpeaksTheSame(t *testing.T) {
	srv := listenTarget(t, "https", true)
	dial := new(net.Dialer).DialContext
	insecure := func() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }
	withHTTP2 := new(http.Protocols)
	withHTTP2.SetHTTP1(true)
	withHTTP2.SetHTTP2(true)
	for name, std := range map[string]*http.Transport{
		"as it comes":         {TLSClientConfig: insecure()},
		"forced":              {TLSClientConfig: insecure(), ForceAttemptHTTP2: true},
		"forced, with a dial": {TLSClientConfig: insecure(), ForceAttemptHTTP2: true, DialContext: dial},
		"by Protocols":        {TLSClientConfig: insecure(), Protocols: withHTTP2},
		"forbidden by a map":  {TLSClientConfig: insecure(), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}},
		"a map and Protocols": {TLSClientConfig: insecure(), Protocols: withHTTP2, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}},
	} {
		for _, used := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", used"}[used], func(t *testing.T) {
				std := std.Clone()
				defer std.CloseIdleConnections()
				if used {
					get(t, std, srv.URL)
				}
				tr := berth.From(std)
				defer tr.Close()
				if got, want := get(t, tr, srv.URL), get(t, std, srv.URL); got != want {
					t.Errorf("the server was spoken to in %s, by std in %s", got, want)
				}
				if s := tr.Stats(); s.Dials != 1 || s.Acquired != 1 {
					t.Errorf("%d dials, %d leases: the request went another way", s.Dials, s.Acquired)
				}
			})
		}
	}
}

// A Transport that only has what net/http gave it for HTTP/2 is one that may
// speak it, when there is nothing against it but that.
func TestFromDefaultTransport(t *testing.T) {
	srv := listenTarget(t, "https", true)
	std := http.DefaultTransport.(*http.Transport).Clone()
	std.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	tr := berth.From(std)
	defer tr.Close()
	if proto := get(t, tr, srv.URL); proto != "HTTP/2.0" {
		t.Errorf("the server was spoken to in %s", proto)
	}
	if tr.MaxIdleConns != 100 || tr.TLSHandshakeTimeout != 10*time.Second || tr.Proxy == nil {
		t.Error("settings of http.DefaultTransport are lost")
	}
}

// A function in TLSNextProto gets the connection, and all requests after.
func TestTLSNextProto(t *testing.T) {
	srv := listenTarget(t, "https", true)
	takes := 0
	tr := &berth.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}},
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{
			"h2": func(authority string, c *tls.Conn) http.RoundTripper {
				takes++
				if authority != srv.Listener.Addr().String() {
					t.Errorf("authority %q", authority)
				}
				return roundTripFunc(func(r *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("taken")), ContentLength: 5, Header: http.Header{}}, nil
				})
			},
		},
	}
	defer tr.Close()
	for range 3 {
		if got := get(t, tr, srv.URL); got != "taken" {
			t.Errorf("answer %q", got)
		}
	}
	if takes != 1 {
		t.Errorf("%d connections were handed over, want 1", takes)
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The connection is the caller's own: no limit holds for it, and none breaks it.
func TestNewClientConn(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		srv := listenTarget(t, scheme, true)
		tr := &berth.Transport{
			MaxConnsPerHost: 1,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		}
		controls := 0
		tr.Control = func(string, string, syscall.RawConn) error { controls++; return nil }
		get(t, tr, srv.URL)
		cc, err := tr.NewClientConn(t.Context(), scheme, srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		resp, err := cc.RoundTrip(httptest.NewRequest("GET", srv.URL, nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		cc.Close()
		if s := tr.Stats(); s.Dials != 1 || controls != 2 {
			t.Errorf("%s: %d dials in Stats, %d calls of Control, want 1 and 2", scheme, s.Dials, controls)
		}
		tr.Close()
	}
}

// A server that chooses HTTP/2 though it is not to be spoken is told apart from
// one that is broken.
func TestHTTP2ThatIsNotWanted(t *testing.T) {
	srv := listenTarget(t, "https", true)
	tr := &berth.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	defer tr.Close()
	_, err := tr.RoundTrip(httptest.NewRequest("GET", srv.URL, nil))
	if err == nil || !strings.Contains(err.Error(), "ForceAttemptHTTP2") {
		t.Errorf("error %v, want one that says what to set", err)
	}
}
