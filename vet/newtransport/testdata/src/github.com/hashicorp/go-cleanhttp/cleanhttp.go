package cleanhttp

import "net/http"

func DefaultTransport() *http.Transport {
	t := DefaultPooledTransport()
	t.DisableKeepAlives = true
	t.MaxIdleConnsPerHost = -1
	return t
}

func DefaultPooledTransport() *http.Transport { return &http.Transport{} }

func DefaultClient() *http.Client { return &http.Client{Transport: DefaultTransport()} }

func DefaultPooledClient() *http.Client { return &http.Client{Transport: DefaultPooledTransport()} }
