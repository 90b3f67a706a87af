package a

import "net/http"

func later() *http.Transport {
	t := &http.Transport{MaxIdleConns: 100}
	t.MaxIdleConnsPerHost = 100
	return t
}
