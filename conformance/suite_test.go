package main

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// The tests of the rewriting have a suite of their own, a few lines long: what
// they say does not change with the next Go. It needs no more of the standard
// library than this.
var fakeStd = map[string]string{
	"errors":  `package errors; func Is(err, target error) bool { return err == target }`,
	"testing": `package testing; type T struct{}; type TB interface{ Errorf(string, ...any) }; func (*T) Errorf(string, ...any) {}; func (*T) Skip(...any) {}; func (*T) Log(...any) {}`,
	"net/http": `package http

		type Transport struct {
			MaxIdleConns int
			Proxy        func(string) error
			private      int
		}
		func (t *Transport) RoundTrip(r int) error                { return nil }
		func (t *Transport) CloseIdleConnections()                {}
		func (t *Transport) CancelRequest(r int)                  {}
		func (t *Transport) Clone() *Transport                    { return t }
		func (t *Transport) NewClientConn(a, b, c int) (*ClientConn, error) { return nil, nil }
		func (t *Transport) PutIdleTestConn(a, b string) bool     { return false }
		func (t *Transport) IdleConnCountForTesting(a, b string) int { return 0 }
		func (t *Transport) NumPendingRequestsForTesting() int    { return 0 }

		type ClientConn struct{}
		type Client struct{ Transport any; Jar any }
		func (c *Client) Get(url string) error { return nil }
		func Get(url string) error             { return nil }
		var DefaultTransport any
		var ExportErrClosed error
		func SetReadLoopBeforeNextReadHook(f func()) {}
		func SetTestHookProxyConnectTimeout(f func()) {}`,
	"net/http/httptest": `package httptest; import "net/http"; type Server struct{}; func (s *Server) Client() *http.Client { return nil }`,
}

// A library imports from the text of packages.
type library struct {
	fset *token.FileSet
	text map[string]string
	pkgs map[string]*types.Package
}

func newLibrary(text map[string]string) *library {
	return &library{token.NewFileSet(), text, map[string]*types.Package{}}
}

func (l *library) Import(path string) (*types.Package, error) {
	if p := l.pkgs[path]; p != nil {
		return p, nil
	}
	text, ok := l.text[path]
	if !ok {
		return nil, fmt.Errorf("no package %s", path)
	}
	s, err := l.source(path, path+".go", text)
	if err != nil {
		return nil, err
	}
	l.pkgs[path] = s.pkg
	return s.pkg, nil
}

// source type-checks files, given as name and text in turns.
func (l *library) source(path string, files ...string) (*source, error) {
	var names []string
	text := map[string][]byte{}
	for i := 0; i < len(files); i += 2 {
		names = append(names, files[i])
		text[files[i]] = []byte(files[i+1])
	}
	return checkSource(l.fset, path, names, text, l)
}

// fakeSuite returns a suite of one external test file, x_test.go, and the
// internal files.
func fakeSuite(t *testing.T, external string, internal ...string) *suite {
	t.Helper()
	l := newLibrary(fakeStd)
	x, err := l.source("net/http_test", "x_test.go", external)
	if err != nil {
		t.Fatal(err)
	}
	in, err := l.source("net/http", internal...)
	if err != nil {
		t.Fatal(err)
	}
	return &suite{dir: "net/http", external: x, internal: in}
}

func TestSayings(t *testing.T) {
	s := fakeSuite(t, `package http_test

import "testing"

func helper(t testing.TB, want string) {
	t.Errorf("want %s",
		want)
}

func TestX(t *testing.T) {
	helper(t, "x")
	t.Log("on the way")
	t.Skip("not today")
}
`)
	got := s.sayings()
	for line, want := range map[string]saying{"6": saysError, "11": 0, "12": saysLog, "13": saysSkip} {
		if got["x_test.go:"+line] != want {
			t.Errorf("line %s: %v, want %v", line, got["x_test.go:"+line], want)
		}
	}
}

func TestSubject(t *testing.T) {
	const methods = `
		func (t *Transport) RoundTrip(r int) error { return nil }
		func (t *Transport) CloseIdleConnections() {}`
	for _, tt := range []struct{ text, want string }{
		{`type Transport struct { MaxIdleConns int; Proxy func(string) error; Own, Another int; private string }` + methods, ""},
		{`type Transport struct { MaxIdleConns int64 }` + methods, "field MaxIdleConns is int64, want int"},
		{`type Transport struct { MaxIdleConns int64 }` + methods, "no field Proxy"},
		{`type Transport struct { MaxIdleConns int; Proxy func(string) error }`, "no method RoundTrip"},
		{`type Transport struct { MaxIdleConns int; Proxy func(string) error }
			func (t *Transport) Clone() Transport { return *t }` + methods, "method Clone does not return *Transport"},
		{`type Transport struct { MaxIdleConns int; Proxy func(string) error }
			func (t *Transport) CancelRequest(s string) {}` + methods, "method CancelRequest is func(s string), want func(r int)"},
		{`type Transport int`, "is not a struct"},
		{`type Other int`, "has no type Transport"},
	} {
		l := newLibrary(fakeStd)
		std, err := l.Import("net/http")
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.source("example.org/pool", "pool.go", "package pool\n"+tt.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := newSubject(s.pkg, std, "Transport")
		if tt.want == "" {
			if err != nil {
				t.Error(err)
			} else if len(got.extraFields) != 2 || got.extraFields[0] != "Another" || got.methods["Clone"] {
				t.Errorf("got %+v", got)
			}
		} else if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestSymbol(t *testing.T) {
	for path, want := range map[string]string{
		"net/http": "net/http", "pool": "pool", "example.org/pool": "example.org/pool", "example.org/pool.v2": "example.org/pool%2ev2",
	} {
		if got := symbol(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
