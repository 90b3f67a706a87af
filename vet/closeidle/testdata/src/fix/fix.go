package fix

import "net/http"

func Get(url string) {
	defer http.DefaultClient.CloseIdleConnections() // want `closed for every call of Get`
	http.Get(url)
}
