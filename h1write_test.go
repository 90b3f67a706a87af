package berth

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// written is the request as appendHead and appendBody have it, or "" if it is
// not for them.
func written(t testing.TB, req *http.Request) string {
	x := &exchange{req: req, body: newRequestBody(req), set: settings{writeBuffer: defaultBuffer}}
	if !x.isSmall() {
		return ""
	}
	b := make([]byte, 0, defaultBuffer)
	head := x.appendHead(b)
	all, err := x.appendBody(head)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > defaultBuffer {
		t.Errorf("a small request has %d bytes, more than the buffer", len(all))
	}
	return string(all)
}

func TestSmallRequestsAreWrittenAsByNetHTTP(t *testing.T) {
	for _, tt := range []struct {
		name string
		req  func() *http.Request
	}{
		{"get", func() *http.Request { return newTestRequest("GET", "http://a.test/x?y=z", "") }},
		{"empty method", func() *http.Request { return newTestRequest("", "http://a.test", "") }},
		{"post", func() *http.Request { return newTestRequest("POST", "http://a.test:8080/", "body") }},
		{"post nothing", func() *http.Request { return newTestRequest("POST", "http://a.test/", "") }},
		{"host", func() *http.Request {
			r := newTestRequest("GET", "http://10.0.0.7:80/", "")
			r.Host = "b.test"
			return r
		}},
		{"ipv6", func() *http.Request { return newTestRequest("GET", "http://[::1]:80/", "") }},
		{"close", func() *http.Request {
			r := newTestRequest("GET", "http://a.test/", "")
			r.Close = true
			return r
		}},
		{"agent", func() *http.Request {
			r := newTestRequest("GET", "http://a.test/", "")
			r.Header.Set("User-Agent", " mine ")
			return r
		}},
		{"no agent", func() *http.Request {
			r := newTestRequest("GET", "http://a.test/", "")
			r.Header["User-Agent"] = []string{""}
			return r
		}},
		{"fields", func() *http.Request {
			r := newTestRequest("GET", "http://a.test/", "")
			r.Header = http.Header{"B": {"2", " 3\t"}, "A": {"1"}, "c": {""}, "D": nil, "Host": {"evil"}, "Content-Length": {"7"}}
			return r
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want bytes.Buffer
			if err := tt.req().Write(&want); err != nil {
				t.Fatal(err)
			}
			if got := written(t, tt.req()); got != want.String() {
				t.Errorf("written as\n%q\nand by net/http as\n%q", got, want.String())
			}
		})
	}
}

func newTestRequest(method, url, body string) *http.Request {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		panic(err)
	}
	if body != "" {
		req, _ = http.NewRequest(method, url, strings.NewReader(body))
	}
	return req
}

func TestOutOfTheOrdinaryIsLeftToNetHTTP(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"large field":    func(r *http.Request) { r.Header.Set("A", strings.Repeat("x", defaultBuffer)) },
		"large body":     func(r *http.Request) { r.ContentLength = defaultBuffer },
		"unknown length": func(r *http.Request) { r.ContentLength = 0 },
		"expect":         func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		"trailer":        func(r *http.Request) { r.Trailer = http.Header{"A": nil} },
		"chunked":        func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
		"connect":        func(r *http.Request) { r.Method = "CONNECT" },
		"idn":            func(r *http.Request) { r.Host = "bücher.test" },
		"zone":           func(r *http.Request) { r.Host = "[fe80::1%eth0]" },
		"slash in host":  func(r *http.Request) { r.Host = "a/b" },
		"control in url": func(r *http.Request) { r.URL.RawQuery = "a\nb" },
		"unknown reader": func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 9) },
	} {
		t.Run(name, func(t *testing.T) {
			req := newTestRequest("POST", "http://a.test/", "body")
			change(req)
			if got := written(t, req); got != "" {
				t.Errorf("written as %q, want it left to net/http", got)
			}
		})
	}
}

// FuzzHead compares the head with net/http's, for whatever a caller may put in.
func FuzzHead(f *testing.F) {
	f.Add("GET", "a.test:80", "/x", "y=z", "", "Accept", "*/*", "X-A", "1", "", true)
	f.Add("POST", "[::1]", "", "", "b.test", "User-Agent", " x ", "Connection", "keep-alive, Close", "body", false)
	f.Add("PUT", "1.2.3.4", "/ %zz", "?", "", "content-length", "3", "User-Agent", "", "b", true)
	f.Fuzz(func(t *testing.T, method, host, path, query, asked, k1, v1, k2, v2, body string, closes bool) {
		newReq := func() *http.Request {
			req := &http.Request{
				Method: method, Host: asked, Close: closes, Header: http.Header{k1: {v1}},
				URL: &url.URL{Scheme: "http", Host: host, Path: path, RawQuery: query},
			}
			req.Header[k2] = append(req.Header[k2], v2)
			if body != "" {
				req.Body, req.ContentLength = newTestRequest("POST", "http://a.test", body).Body, int64(len(body))
			}
			return req
		}
		if validate(newReq()) != nil {
			return
		}
		got := written(t, newReq())
		if got == "" {
			return
		}
		var want bytes.Buffer
		if err := newReq().Write(&want); err != nil {
			t.Fatalf("net/http refuses (%v) what is written as\n%q", err, got)
		}
		if got != want.String() {
			t.Errorf("written as\n%q\nand by net/http as\n%q", got, want.String())
		}
	})
}
