package fix

import (
	"net/http"
	"time"
)

var a = &http.Transport{DisableKeepAlives: true} // want `keep-alives are off`

var b = &http.Transport{
	DisableKeepAlives: true, // want `keep-alives are off`
	MaxIdleConns:      1,
}

var c = &http.Transport{MaxIdleConns: 1, DisableKeepAlives: true} // want `keep-alives are off`

func f(req *http.Request) {
	req.Close = true // want `the connection is closed after this request`
	http.DefaultClient.Do(req)
}

var d = &http.Transport{
	IdleConnTimeout: time.Minute, // the balancer's is 90 s

	// No keep-alives.
	DisableKeepAlives: true, // want `keep-alives are off`
	// Enough for all.
	MaxIdleConns: 10,
}

var e = &http.Transport{DisableKeepAlives: true /* off */, MaxIdleConns: 1} // want `keep-alives are off`
