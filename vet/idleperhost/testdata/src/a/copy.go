package a

import (
	"context"
	"net"
	"net/http"
	"time"
)

// copied has a pool of its own, since others change http.DefaultTransport.
var copied = &http.Client{
	Transport: &http.Transport{
		MaxIdleConns:    100,
		IdleConnTimeout: 90 * time.Second,
	},
}

func newCopy() *http.Transport {
	// As http.DefaultTransport has them.
	return &http.Transport{MaxIdleConns: 100}
}

// newLarger begins with http.DefaultTransport's values, and has more.
func newLarger() *http.Transport {
	return &http.Transport{MaxIdleConns: 500} // want `MaxIdleConns is 500`
}

func newOwn() *http.Transport {
	return &http.Transport{MaxIdleConns: 100} // want `MaxIdleConns is 100`
}

func newUnix(path string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
		MaxIdleConns: 100,
	}
}

var _, _, _, _, _ = copied, newCopy, newLarger, newOwn, newUnix
