package fix

import "net/http"

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
