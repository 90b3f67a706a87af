package a

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// Proxies that are made for each request.

type gateway struct {
	target *url.URL
	proxy  *httputil.ReverseProxy
}

func (g *gateway) byFunction(w http.ResponseWriter, r *http.Request) {
	p := httputil.NewSingleHostReverseProxy(g.target)
	p.Transport = &http.Transport{IdleConnTimeout: time.Second} // want `a new http.Transport for every request that reaches byFunction`
	p.ServeHTTP(w, r)
}

func (g *gateway) byLiteral(w http.ResponseWriter, r *http.Request) {
	p := &httputil.ReverseProxy{
		Rewrite:   func(pr *httputil.ProxyRequest) { pr.SetURL(g.target) },
		Transport: &http.Transport{IdleConnTimeout: time.Second}, // want `a new http.Transport for every request that reaches byLiteral`
	}
	p.ServeHTTP(w, r)
}

func (g *gateway) kept(w http.ResponseWriter, r *http.Request) {
	if g.proxy == nil {
		p := httputil.NewSingleHostReverseProxy(g.target)
		p.Transport = &http.Transport{IdleConnTimeout: time.Second}
		g.proxy = p
	}
	g.proxy.ServeHTTP(w, r)
}

func newProxy(target *url.URL) http.Handler {
	p := httputil.NewSingleHostReverseProxy(target)
	p.Transport = &http.Transport{IdleConnTimeout: time.Second}
	return p
}
