package a

import "net/http"

func assignedToNew() *http.Transport {
	t := &http.Transport{}
	t.MaxIdleConns = 200 // want `MaxIdleConns is 200, but MaxIdleConnsPerHost is not set: 2 idle connections a host are kept`
	return t
}

func assignedToClone(n int) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = n // want `MaxIdleConns is n, but MaxIdleConnsPerHost is not set`
	return t
}

// What is right, or not known.

func asTheDefault() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 100
	return t
}

func setBefore() *http.Transport {
	t := &http.Transport{MaxIdleConnsPerHost: 200}
	t.MaxIdleConns = 200
	return t
}

func few() *http.Transport {
	t := &http.Transport{}
	t.MaxIdleConns = 2
	return t
}

func ofAnother(t *http.Transport) { t.MaxIdleConns = 200 }

func brief(url string) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 200
	(&http.Client{Transport: t}).Get(url)
}

func saidWhy() *http.Transport {
	t := &http.Transport{}
	t.MaxIdleConns = 200 // two idle connections a host are enough
	return t
}
