package fix

import "net/http"

func Get(url string) {
	defer http.DefaultClient.CloseIdleConnections() // want `closed for every call of Get`
	http.Get(url)
}

// Started deletes the statement of the call, and none around it.
func Started(urls []string) {
	for _, url := range urls {
		func() {
			http.Get(url)
			// The next one is not to find it.
			go http.DefaultClient.CloseIdleConnections() // want `closed in every turn of a loop`
		}()
	}
}

func InLine(urls []string) {
	for _, url := range urls {
		func() { http.Get(url); http.DefaultClient.CloseIdleConnections() }() // want `closed in every turn of a loop`
	}
}

func Above(urls []string) {
	for _, url := range urls {
		/* so that it is fast */ http.Get(url)
		http.DefaultClient.CloseIdleConnections() // want `closed in every turn of a loop`
	}
}
