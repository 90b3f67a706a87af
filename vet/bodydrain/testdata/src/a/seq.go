package a

import (
	"io"
	"iter"
	"net/http"
)

func seq(all iter.Seq[string]) {
	for u := range all {
		resp, err := http.Get("http://a/" + u) // want `the body is closed unread before the next request`
		if err != nil {
			return
		}
		resp.Body.Close()
	}
}

func seqRead(all iter.Seq[string]) {
	for u := range all {
		resp, err := http.Get("http://a/" + u)
		if err != nil {
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func seqEach(all iter.Seq[string]) {
	for host := range all {
		resp, err := http.Get("http://" + host)
		if err != nil {
			return
		}
		resp.Body.Close()
	}
}
