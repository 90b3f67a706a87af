package berth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/berth-go/berth"
)

func Example() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	defer srv.Close()
	url := srv.URL

	client := &http.Client{Transport: berth.Default()}
	resp, err := client.Get(url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body) // to its end, so that the connection is used again

	fmt.Println(resp.Status)
	// Output: 200 OK
}

// The configuration of a transport that is in use.
func ExampleFrom() {
	transport := berth.From(http.DefaultTransport.(*http.Transport))
	client := &http.Client{Transport: transport}

	fmt.Println(client.Transport.(*berth.Transport).MaxIdleConns)
	// Output: 100
}

// A limit for the whole exchange, without what http.Client.Timeout costs.
func ExampleTransport_timeout() {
	transport := berth.Default()
	transport.Timeout = 5 * time.Second // from RoundTrip to the body's end
	client := &http.Client{Transport: transport}

	fmt.Println(client.Timeout)
	// Output: 0s
}

// What a pool at its limit says.
func ExampleAcquireError() {
	arrived, release := make(chan bool), make(chan bool)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- true
		<-release
	}))
	defer srv.Close()
	defer close(release)
	url := srv.URL

	transport := berth.Default()
	transport.MaxConnsPerHost = 1
	transport.MaxWaiting = 1
	transport.AcquireTimeout = 10 * time.Millisecond
	client := &http.Client{Transport: transport}

	go client.Get(url) // has the one connection for as long as the server likes
	<-arrived

	_, err := client.Get(url)
	var acquire *berth.AcquireError
	if errors.As(err, &acquire) {
		fmt.Println(acquire.InUse, "in use,", acquire.Waiting, "waiting, deadline:", errors.Is(err, context.DeadlineExceeded))
	}
	// Output: 1 in use, 1 waiting, deadline: true
}

func ExampleTransport_Shutdown() {
	transport := berth.Default()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := transport.Shutdown(ctx); err != nil {
		log.Print(err) // and what was left is cut
	}

	_, err := (&http.Client{Transport: transport}).Get("http://127.0.0.1:1/")
	fmt.Println(errors.Is(err, berth.ErrClosed))
	// Output: true
}

func ExampleTransport_Stats() {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	url := srv.URL

	transport := berth.Default()
	client := &http.Client{Transport: transport}
	for range 3 {
		resp, err := client.Get(url)
		if err != nil {
			fmt.Println(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}

	s := transport.Stats()
	fmt.Println(s.Acquired, "requests,", s.Dials, "dial,", s.Reused, "reused,", s.Idle, "idle")
	// Output: 3 requests, 1 dial, 2 reused, 1 idle
}

// For a name with many addresses, such as a headless service's: connections, and
// so requests, are spread over them, and follow them as they come and go.
func ExampleTransport_balance() {
	transport := berth.Default()
	transport.Reuse = berth.FIFO
	transport.MaxConnLifetime = 5 * time.Minute  // pods that are new get their share
	transport.ResolveInterval = 10 * time.Second // pods that are gone get no more
	defer transport.Close()
}

// Eight addresses of this machine are eight times the ports to each destination.
func ExampleTransport_localAddrs() {
	transport := berth.Default()
	for i := range byte(8) {
		transport.LocalAddrs = append(transport.LocalAddrs, netip.AddrFrom4([4]byte{10, 1, 0, 10 + i}))
	}
	defer transport.Close()
}
