package a

import (
	"context"
	"io"
	"net/http"
)

// Who receives it closes it.
func sent(ctx context.Context, urls []string, ch chan *http.Response) {
	for _, u := range urls {
		resp, err := http.Get(u)
		if err != nil {
			return
		}
		select {
		case ch <- resp:
		case <-ctx.Done():
			resp.Body.Close()
			return
		}
	}
}

func sentBody(urls []string, ch chan io.ReadCloser) {
	for _, u := range urls {
		resp, err := http.Get(u)
		if err != nil {
			return
		}
		select {
		case ch <- resp.Body:
		default:
			resp.Body.Close()
		}
	}
}

// What else is sent keeps nothing open.
func sentStatus(urls []string, ch chan string) {
	for _, u := range urls {
		resp, err := http.Get(u) // want `the response's body is never closed`
		if err != nil {
			return
		}
		select {
		case ch <- resp.Status:
		default:
		}
	}
}

var byName = map[string]http.HandlerFunc{
	"x": func(w http.ResponseWriter, r *http.Request) {
		resp, err := http.Get("http://x") // want `the response's body is never closed`
		if err == nil {
			io.WriteString(w, resp.Status)
		}
	},
}
