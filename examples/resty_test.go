package examples_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/berth-go/berth"
	"github.com/go-resty/resty/v2"
)

// Resty's SetProxy, SetTLSClientConfig, SetCertificates, SetRootCertificate and
// their like want an http.Transport: over any other they log an error and do
// nothing. Set berth.Transport's fields instead.
func Example_resty() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"path": %q}`, r.URL.Path)
	}))
	defer srv.Close()

	transport := berth.Default()
	client := resty.New().SetTransport(transport)

	for _, path := range []string{"/one", "/two"} {
		var answer struct{ Path string }
		resp, err := client.R().EnableTrace().SetResult(&answer).Get(srv.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(resp.StatusCode(), answer.Path, "reused:", resp.Request.TraceInfo().IsConnReused)
	}

	s := transport.Stats()
	fmt.Println(s.Acquired, "requests,", s.Dials, "dial,", s.Reused, "reused")
	// Output:
	// 200 /one reused: false
	// 200 /two reused: true
	// 2 requests, 1 dial, 1 reused
}

// If this fails since resty has learnt better, Example_resty and README.md are
// to say so.
func TestRestyWantsHTTPTransport(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*resty.Client)
	}{
		{"SetProxy", func(c *resty.Client) { c.SetProxy("http://127.0.0.1:1") }},
		{"SetTLSClientConfig", func(c *resty.Client) { c.SetTLSClientConfig(&tls.Config{}) }},
		{"SetCertificates", func(c *resty.Client) { c.SetCertificates(tls.Certificate{}) }},
		{"SetRootCertificateFromString", func(c *resty.Client) { c.SetRootCertificateFromString("") }},
	} {
		var log errorCount
		client := resty.New().SetTransport(berth.Default()).SetLogger(&log)
		tt.set(client)
		if log != 1 {
			t.Errorf("%s logs %d errors, want 1", tt.name, log)
		}
	}
}

type errorCount int

func (n *errorCount) Errorf(string, ...any) { *n++ }
func (n *errorCount) Warnf(string, ...any)  {}
func (n *errorCount) Debugf(string, ...any) {}
