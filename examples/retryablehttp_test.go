package examples_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/berth-go/berth"
	"github.com/hashicorp/go-retryablehttp"
)

func Example_retryablehttp() {
	var tries atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) < 3 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		io.Copy(w, r.Body)
	}))
	defer srv.Close()

	transport := berth.Default()
	client := retryablehttp.NewClient()
	client.HTTPClient.Transport = transport

	client.Logger = nil
	client.RetryWaitMin, client.RetryWaitMax = 0, 0
	resp, err := client.Post(srv.URL, "text/plain", strings.NewReader("hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	fmt.Printf("%s %v\n", text, err)

	s := transport.Stats()
	fmt.Println(s.Acquired, "requests,", s.Dials, "dial,", s.Reused, "reused")
	// Output:
	// hello <nil>
	// 3 requests, 1 dial, 2 reused
}

// When a request fails for good, retryablehttp closes all idle connections of
// its client, those to other hosts included: from a busy program, a storm of
// connections in TIME_WAIT. A RoundTripper without CloseIdleConnections keeps
// them.
func Example_retryablehttpKeepsConnections() {
	good := httptest.NewServer(http.NotFoundHandler())
	defer good.Close()
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer bad.Close()

	idle := func(client *retryablehttp.Client, transport *berth.Transport) int {
		client.Logger = nil
		client.RetryMax = 0
		if resp, err := client.Get(good.URL); err == nil {
			resp.Body.Close()
		}
		if resp, err := client.Get(bad.URL); err == nil {
			resp.Body.Close()
		}
		return transport.Stats().Idle
	}

	transport := berth.Default()
	client := retryablehttp.NewClient()
	client.HTTPClient.Transport = transport
	fmt.Println(idle(client, transport), "idle")

	client.HTTPClient.Transport = struct{ http.RoundTripper }{transport}
	fmt.Println(idle(client, transport), "idle")
	// Output:
	// 0 idle
	// 2 idle
}

// What is worth another try, retryablehttp decides by the errors' types and
// texts: berth's must lead to the same as net/http's.
func TestRetryablehttpTriesAgain(t *testing.T) {
	hangUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangUp.Close()
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }))
	defer loop.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()

	const max = 2
	for _, tt := range []struct {
		name, url, header string
		want              int
	}{
		{"nobody listens", nobody.URL, "", 1 + max},
		{"the server hangs up", hangUp.URL, "", 1 + max},
		{"it speaks no TLS", strings.Replace(loop.URL, "http:", "https:", 1), "", 1 + max},
		{"its certificate is not trusted", untrusted.URL, "", 1},
		{"redirects without end", loop.URL, "", 1},
		{"a scheme nobody knows", "gopher://127.0.0.1/", "", 1},
		{"a header that can't be sent", loop.URL, "a\nb", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, transport := range []http.RoundTripper{&http.Transport{}, berth.Default()} {
				tries := 0
				client := retryablehttp.NewClient()
				client.HTTPClient.Transport = transport
				client.Logger = nil
				client.RetryWaitMin, client.RetryWaitMax, client.RetryMax = 0, 0, max
				client.RequestLogHook = func(retryablehttp.Logger, *http.Request, int) { tries++ }

				req, err := retryablehttp.NewRequest("GET", tt.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				if tt.header != "" {
					req.Header.Set("X", tt.header)
				}
				resp, err := client.Do(req)
				if err == nil {
					resp.Body.Close()
					t.Errorf("%T: got %s", transport, resp.Status)
				}
				if tries != tt.want {
					t.Errorf("%T: tried %d times, want %d: %v", transport, tries, tt.want, err)
				}
			}
		})
	}
}
