package fix

import "net/http"

var t = &http.Transport{
	MaxIdleConns: 100, // want `MaxIdleConnsPerHost is not set`
}
