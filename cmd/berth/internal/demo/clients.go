package demo

import (
	"math"
	"net"
	"net/http"

	"github.com/berth-go/berth"
	"github.com/berth-go/berth/internal/netlab"
)

// clients are the failure, the failure that few expect, and the cure.
var clients = []client{
	{"connection-per-request", perRequest, 0},
	{"http.Transport", asItComes, http.DefaultMaxIdleConnsPerHost},
	{"berth.Transport", cured, math.MaxInt},
}

// perRequest keeps no connection: it closes each after its response. Not by DisableKeepAlives, which has the
// server close, so that the server would be left with the TIME_WAIT.
func perRequest(control netlab.Control) http.RoundTripper {
	return &http.Transport{DialContext: dialer(control), MaxIdleConnsPerHost: -1}
}

// asItComes is http.DefaultTransport on our ports.
func asItComes(control netlab.Control) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.DialContext = dialer(control)
	return t
}

func cured(control netlab.Control) http.RoundTripper {
	return &berth.Transport{Control: control}
}

func dialer(control netlab.Control) dialFunc {
	return (&net.Dialer{Control: control}).DialContext
}
