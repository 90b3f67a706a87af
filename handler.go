package berth

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Handler returns a page that shows what the Transport does at the moment: each
// host with its connections, dials in flight, and requests that wait; for how
// long, and for what. On top is what asks for attention, and what to do. The page
// is for people; with ?format=json it is the same for programs. With ?host=NAME
// it is of one host, named as in Stats.
//
// It shows the names of hosts, addresses, and the last error of a dial; no URL,
// header or body of a request, and no password of a proxy. Mount it where
// net/http/pprof is, and not where the public is.
//
// It only reads, answers GET and HEAD, and holds a host's lock for as long as it
// takes to copy what is shown. That is bounded: 1,000 hosts, of each 1,000
// connections, 100 dials and 100 requests, and 10,000 connections in all. Those
// that have been so for longest are listed, and the page says how many are not.
//
// # JSON
//
// The field schema is 1: fields may be added to it; none changes its name, type
// or meaning. What is not known, or never, is null. docs/debug-page.md lists the
// fields.
func (t *Transport) Handler() http.Handler { return http.HandlerFunc(t.servePage) }

// How much a page lists.
const (
	maxHostViews    = 1000
	maxConnViews    = 1000 // of a host
	maxConnViewsAll = 10000
	maxWaiterViews  = 100 // of a host
	maxDialViews    = 100
)

func (t *Transport) servePage(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", pagePolicy())
	if r.Method != "GET" && r.Method != "HEAD" {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "this page is only read: GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	q := r.URL.Query()
	var body []byte
	switch format := q.Get("format"); format {
	case "", "html":
		head.Set("Content-Type", "text/html; charset=utf-8")
		body = t.view(q.Get("host"), time.Now()).html()
	case "json":
		head.Set("Content-Type", "application/json; charset=utf-8")
		body = t.view(q.Get("host"), time.Now()).json()
	default:
		http.Error(w, fmt.Sprintf("there is no format %q: it is html or json", format), http.StatusBadRequest)
		return
	}
	head.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == "GET" {
		w.Write(body)
	}
}
