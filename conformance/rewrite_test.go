package main

import (
	"bytes"
	"go/format"
	"maps"
	"slices"
	"strings"
	"testing"
)

// lean is a subject that has only what it must have.
func lean() *subject {
	return &subject{path: "example.org/pool", typ: "Transport", module: "example.org/pool",
		methods: map[string]bool{"RoundTrip": true, "CloseIdleConnections": true}}
}

// rich is a subject that has all that net/http's transport has.
func rich() *subject {
	s := lean()
	for _, m := range []string{"CancelRequest", "Clone", "NewClientConn", "PutIdleTestConn", "IdleConnCountForTesting", "NumPendingRequestsForTesting"} {
		s.methods[m] = true
	}
	s.clientConn = "conformsubject.Conn"
	return s
}

const head = `package http_test

import (
	"errors"
	. "net/http"
	"net/http/httptest"
	"testing"
)

var _, _, _, _ = errors.Is, httptest.Server{}, Get, testing.T{}

`

// walked returns what the rewriter makes of text, which follows head.
func walked(t *testing.T, sub *subject, text string) (string, *rewriter) {
	t.Helper()
	s := fakeSuite(t, head+text)
	r := newRewriter(s, sub)
	r.walk(s.external.files[0])
	b, err := apply(s.external.text["x_test.go"], r.byFile["x_test.go"])
	if err != nil {
		t.Fatal(err)
	}
	got, ok := strings.CutPrefix(string(b), head)
	if !ok {
		t.Fatalf("the head is not as it was:\n%s", b)
	}
	return got, r
}

func TestWalk(t *testing.T) {
	for _, tt := range []struct {
		name       string
		sub        *subject
		text, want string
	}{
		{"the type", lean(),
			`func f(c *Client) { tr := &Transport{MaxIdleConns: 1}; c.Transport = tr; var _ = c.Transport.(*Transport) }`,
			`func f(c *Client) { tr := &conformTransport{MaxIdleConns: 1}; c.Transport = tr; var _ = c.Transport.(*conformTransport) }`},
		{"a hook that makes timing certain", lean(),
			`func f() { SetReadLoopBeforeNextReadHook(nil) }`,
			`func f() { conformNoHook(nil) }`},
		{"a hook that it takes", lean(),
			`func TestX(t *testing.T) { f := func(t testing.TB) { SetTestHookProxyConnectTimeout(nil) }; f(t) }`,
			`func TestX(t *testing.T) { f := func(t testing.TB) { conformDrop(t, "needs the hook SetTestHookProxyConnectTimeout"); SetTestHookProxyConnectTimeout(nil) }; f(t) }`},
		{"private errors", lean(),
			`func f(err error) bool { return err == ExportErrClosed || err != ExportErrClosed || errors.Is(err, ExportErrClosed) || err == nil }`,
			`func f(err error) bool { return conformSameErr(err, ExportErrClosed) || !conformSameErr(err, ExportErrClosed) || conformSameErr(err, ExportErrClosed) || err == nil }`},
		{"a server's client", lean(),
			`func f(ts *httptest.Server) { ts.Client().Get("x") }`,
			`func f(ts *httptest.Server) { conformClient(ts).Get("x") }`},
		{"a probe", lean(),
			`func f(tr *Transport) { tr.IdleConnCountForTesting("a", "b"); tr.NumPendingRequestsForTesting() }`,
			`func f(tr *conformTransport) { conformIdleConnCount(tr, "a", "b"); conformNumPending(tr) }`},
		{"a probe that the type answers", rich(),
			`func f(tr *Transport) { tr.IdleConnCountForTesting("a", "b") }`,
			`func f(tr *conformTransport) { tr.IdleConnCountForTesting("a", "b") }`},
		{"a method that it lacks, twice in one test", lean(),
			`func TestX(t *testing.T) { tr := &Transport{}; tr.CancelRequest(1); tr.CancelRequest(2) }`,
			`func TestX(t *testing.T) { conformDrop(t, "needs the method CancelRequest"); tr := &conformTransport{}; conformStub_CancelRequest(tr, 1); conformStub_CancelRequest(tr, 2) }`},
		{"only the subtest is dropped", lean(),
			`func TestX(t *testing.T) { func(t *testing.T) { new(Transport).Clone() }(t) }`,
			`func TestX(t *testing.T) { func(t *testing.T) { conformDrop(t, "needs the method Clone"); conformStub_Clone(new(conformTransport)) }(t) }`},
		{"a client connection of its own", rich(),
			`func f(tr *Transport) { var c *ClientConn; c, _ = tr.NewClientConn(1, 2, 3); _ = c }`,
			`func f(tr *conformTransport) { var c *conformClientConn; c, _ = tr.NewClientConn(1, 2, 3); _ = c }`},
		{"the look for leaks", lean(),
			`func afterTest(t testing.TB) {}; func TestX(t *testing.T) { defer afterTest(t) }`,
			`func afterTest(t testing.TB) {}; func TestX(t *testing.T) { defer conformAfterTest(t) }`},
	} {
		got, r := walked(t, tt.sub, tt.text)
		if got != tt.want || len(r.plan.warnings) > 0 {
			t.Errorf("%s: got\n%s\nwant\n%s\nwarnings: %q", tt.name, got, tt.want, r.plan.warnings)
		}
	}
}

// A stub has the method's signature, with the subject for what Clone returns.
func TestStubs(t *testing.T) {
	_, r := walked(t, lean(), `func TestX(t *testing.T) { tr := new(Transport); tr.Clone(); tr.PutIdleTestConn("a", "b"); tr.NewClientConn(1, 2, 3) }`)
	const want = `func conformStub_Clone(*conformTransport) *conformTransport { panic("conformStub_Clone") }

func conformStub_NewClientConn(*conformTransport, int, int, int) (*http.ClientConn, error) { panic("conformStub_NewClientConn") }

func conformStub_PutIdleTestConn(*conformTransport, string, string) (bool) { panic("conformStub_PutIdleTestConn") }

`
	if got := r.allStubs(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNothingToDrop(t *testing.T) {
	_, r := walked(t, lean(), `func f(tr *Transport) { tr.CancelRequest(1) }`)
	if len(r.plan.warnings) != 1 || !strings.HasSuffix(r.plan.warnings[0], "can't be dropped (needs the method CancelRequest)") {
		t.Errorf("warnings: %q", r.plan.warnings)
	}
}

func TestPatch(t *testing.T) {
	const text = head + `func help(tr *Transport) { tr.CancelRequest(1); println("a", "a") }
func TestX(t *testing.T) { help(&Transport{}) }
func TestY(t *testing.T) { _ = &Transport{} }
`
	patches := []patch{
		{fn: "help", old: "tr.CancelRequest(1)", new: "_ = tr", n: 1, lacking: "CancelRequest", weak: "cancels nothing"},
		{fn: "help", old: `"a"`, new: `"b"`, n: 2},
	}
	s := fakeSuite(t, text)
	for _, tt := range []struct {
		sub        *subject
		line, weak string
	}{
		{lean(), `func help(tr *conformTransport) { _ = tr; println("b", "b") }`, "cancels nothing"},
		{rich(), `func help(tr *conformTransport) { tr.CancelRequest(1); println("b", "b") }`, ""},
	} {
		r := newRewriter(s, tt.sub)
		r.patch(patches)
		r.walk(s.external.files[0])
		r.selectTests()
		got, err := apply(s.external.text["x_test.go"], r.byFile["x_test.go"])
		if err != nil || !strings.Contains(string(got), "\n"+tt.line+"\n") {
			t.Errorf("got %s, %v; want the line %s", got, err, tt.line)
		}
		want := []test{{name: "TestX", file: "x_test.go", weakened: tt.weak}, {name: "TestY", file: "x_test.go"}}
		if !slices.Equal(r.plan.tests, want) || len(r.plan.warnings) > 0 {
			t.Errorf("got %+v, want %+v; warnings: %q", r.plan.tests, want, r.plan.warnings)
		}
	}
}

// The next Go may well have changed what a patch looks for.
func TestPatchThatDoesNotFit(t *testing.T) {
	r := newRewriter(fakeSuite(t, head+`func help() {}`), lean())
	r.patch([]patch{{fn: "help", old: "gone", n: 1}, {fn: "away", old: "x", n: 1}})
	want := []string{`patch of help: "gone" found 0 times, want 1`, "patch of away: there is no such function"}
	if !slices.Equal(r.plan.warnings, want) || len(r.byFile) > 0 {
		t.Errorf("warnings %q, want %q; edits: %v", r.plan.warnings, want, r.byFile)
	}
}

func TestSelect(t *testing.T) {
	s := fakeSuite(t, head+`
type clientServerTest struct { c *Client; tr *Transport }
func newClientServerTest() *clientServerTest { return &clientServerTest{} }
func (t *clientServerTest) close() { t.tr.CloseIdleConnections() }
var shared = Client{Jar: 1}
func through() { _ = shared }

func TestServerOnly(t *testing.T) { cst := newClientServerTest(); cst.close() }
func TestField(t *testing.T) { newClientServerTest().tr = nil }
func TestClient(t *testing.T) { newClientServerTest().c.Jar = nil }
func TestBareClient(t *testing.T) { through() }
func TestOwnTransport(t *testing.T) { _ = Client{Transport: nil} }
func TestPackageGet(t *testing.T) { Get("x") }
func TestPending(t *testing.T) { new(Transport).NumPendingRequestsForTesting() }
func TestMain(m *testing.T) { Get("x") }
func Testing(a, b int) { Get("x") }
`)
	r := newRewriter(s, lean())
	r.selectTests()
	var got []string
	for _, x := range r.plan.tests {
		got = append(got, x.name)
		if (x.weakened != "") != (x.name == "TestPending") {
			t.Errorf("%s: weakened: %q", x.name, x.weakened)
		}
	}
	if want := []string{"TestField", "TestClient", "TestBareClient", "TestPackageGet", "TestPending"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTransplant(t *testing.T) {
	s := fakeSuite(t, head, "transport.go", `package http
type Transport struct{ private int }
type secret struct{}
func (t *Transport) RoundTrip(r int) error { return nil }
`, "export_test.go", `package http
func Exported() {}
`, "in_test.go", `package http

import sub "errors"
import "testing"

var want = sub.Is
type table struct{ tr *Transport }
func (t table) run() { _ = want }
func TestMoved(t *testing.T) { Exported(); table{new(Transport)}.run() }
func TestMovedToo(t *testing.T) { table{}.run() }
func TestWhiteBox(t *testing.T) { _ = Transport{}; _ = secret{} }
func TestField(t *testing.T) { _ = Transport{private: 1} }
func TestOther(t *testing.T) { _ = sub.Is }
`)
	r := newRewriter(s, lean())
	got, err := r.transplant()
	if err != nil {
		t.Fatal(err)
	}
	const want = `package http_test

import (
	. "net/http"
	sub "errors"
	testing "testing"
)

var _ = Get

//line in_test.go:6
var conformInt_want = sub.Is
//line in_test.go:7
type conformInt_table struct{ tr *conformTransport }
//line in_test.go:8
func (t conformInt_table) run() { _ = conformInt_want }
//line in_test.go:9
func TestMoved(t *testing.T) { Exported(); conformInt_table{new(conformTransport)}.run() }
//line in_test.go:10
func TestMovedToo(t *testing.T) { conformInt_table{}.run() }
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	left, err := apply(s.internal.text["in_test.go"], r.byFile["in_test.go"])
	if err != nil || !strings.Contains(string(left), "func stdTestMoved(") || !strings.Contains(string(left), "func TestWhiteBox(") {
		t.Errorf("what is left: %s, %v", left, err)
	}
	wantTests := []test{
		{name: "TestMoved", file: "in_test.go"},
		{name: "TestMovedToo", file: "in_test.go"},
		{name: "TestWhiteBox", file: "in_test.go", dropped: "a white-box test of package http (secret)"},
		{name: "TestField", file: "in_test.go", dropped: "a white-box test of package http (private)"},
	}
	if !slices.Equal(r.plan.tests, wantTests) {
		t.Errorf("got %+v, want %+v", r.plan.tests, wantTests)
	}
}

// The whole of it: each file is there, and the shim has no blank left to fill.
func TestRewrite(t *testing.T) {
	p, err := rewrite(fakeSuite(t, head+"func TestX(t *testing.T) { new(Transport).CancelRequest(1) }\n"), lean())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"net/http/zz_conform_export_test.go", "net/http/zz_conform_http2_test.go", "net/http/zz_conform_idle_test.go",
		"net/http/zz_conform_leaks_test.go", "net/http/zz_conform_transplant_test.go", "net/http/zz_conform_transport_test.go", "x_test.go",
	}
	if got := slices.Sorted(maps.Keys(p.files)); !slices.Equal(got, want) {
		t.Errorf("got the files %q, want %q", got, want)
	}
	for name, text := range p.files {
		if !strings.Contains(name, "zz_conform") {
			continue
		}
		formatted, err := format.Source(text)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case bytes.Contains(text, []byte("@")):
			t.Errorf("%s has an @", name)
		case strings.Contains(name, "transplant") || strings.Contains(name, "transport"): // written with the text of others
		case !bytes.Equal(text, formatted):
			t.Errorf("%s is not gofmt'ed", name)
		}
	}
	if !bytes.Contains(p.files["net/http/zz_conform_transport_test.go"], []byte("\nfunc conformStub_CancelRequest(*conformTransport, int)")) {
		t.Error("the shim lacks a stub")
	}
	if want := []test{{name: "TestX", file: "x_test.go"}}; !slices.Equal(p.tests, want) {
		t.Errorf("got %+v, want %+v", p.tests, want)
	}
}
