package fix

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const timeout = 5 * time.Second

// Fetch has nothing in its Transport but constants.
func Fetch(url string) error {
	client := &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{ // want `for every call of Fetch`
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: timeout}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS13},
			TLSHandshakeTimeout: 10 * time.Second, // long
			IdleConnTimeout:     time.Duration(30),
		},
	}
	_, err := client.Get(url)
	return err
}

// Twice makes two, of which one name is for one.
func Twice(url string) {
	a := http.Client{Transport: &http.Transport{}} // want `for every call of Twice`
	a.Get(url)
	b := http.Client{Transport: &http.Transport{}} // want `for every call of Twice`
	b.Get(url)
}

// What follows is not for a program to change.

var roots *tls.Config

type Client struct{}

// Clone has the default one as it is now.
func (Client) Clone(req *http.Request) error {
	tr := http.DefaultTransport.(*http.Transport).Clone() // want `for every call of Clone`
	_, err := tr.RoundTrip(req)
	return err
}

// Own dials with a function of the package, which may come back here.
func Own(url string) {
	c := http.Client{Transport: &http.Transport{DialContext: dial}} // want `for every call of Own`
	c.Get(url)
}

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// Elsewhere has a name that a file for other systems has too.
func Elsewhere(url string) {
	c := http.Client{Transport: &http.Transport{}} // want `for every call of Elsewhere`
	c.Get(url)
}

// Variable's value may change until then.
func Variable(url string) {
	c := http.Client{Transport: &http.Transport{TLSClientConfig: roots}} // want `for every call of Variable`
	c.Get(url)
}

func Parameter(url string, config *tls.Config) {
	c := http.Client{Transport: &http.Transport{TLSClientConfig: config}} // want `for every call of Parameter`
	c.Get(url)
}

func Constant(url string) {
	const wait = time.Second
	c := http.Client{Transport: &http.Transport{IdleConnTimeout: wait}} // want `for every call of Constant`
	c.Get(url)
}

func Called(url string) {
	c := http.Client{Transport: &http.Transport{TLSClientConfig: config()}} // want `for every call of Called`
	c.Get(url)
}

func config() *tls.Config { return &tls.Config{} }

func Changed(url string) {
	tr := &http.Transport{} // want `for every call of Changed`
	tr.TLSClientConfig = roots
	c := http.Client{Transport: tr}
	c.Get(url)
}

func Closed(url string) {
	tr := &http.Transport{} // want `for every call of Closed`
	defer tr.CloseIdleConnections()
	c := http.Client{Transport: tr}
	c.Get(url)
}

func ClosedByClient(url string) {
	c := &http.Client{Transport: &http.Transport{}} // want `for every call of ClosedByClient`
	defer c.CloseIdleConnections()
	c.Get(url)
}

func Helped(url string) {
	c := &http.Client{Transport: &http.Transport{}} // want `for every call of Helped`
	change(c)
	c.Get(url)
}

func change(c *http.Client) {}

var takenTransport int

func Taken(url string) {
	c := http.Client{Transport: &http.Transport{}} // want `for every call of Taken`
	c.Get(url)
}
