package main

import (
	"time"

	"github.com/valyala/fasthttp"
)

// fastHTTPPeer knows no context: in that mode it has none. Both timeouts are its
// DoTimeout.
func fastHTTPPeer(s *server, m mode, d *dialer, conns int) *peer {
	c := &fasthttp.Client{
		Dial:                d.Dial,
		TLSConfig:           s.tls.Clone(),
		MaxConnsPerHost:     conns,
		MaxIdleConnDuration: time.Hour,
	}
	newCaller := func() caller { return fastCaller(c, s.url, m) }
	if m == bare {
		newCaller = func() caller { return fastBareCaller(c, s.url) }
	}
	return &peer{name: nameFastHTTP, dialer: d, newCaller: newCaller, close: c.CloseIdleConnections}
}

func fastBareCaller(c *fasthttp.Client, url string) caller {
	req, resp := new(fasthttp.Request), new(fasthttp.Response)
	req.SetRequestURI(url)
	return func() error { return fastDrain(resp, c.Do(req, resp)) }
}

func fastCaller(c *fasthttp.Client, url string, m mode) caller {
	return func() error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(url)
		if m == withContext {
			return fastDrain(resp, c.Do(req, resp))
		}
		return fastDrain(resp, c.DoTimeout(req, resp, timeout))
	}
}

func fastDrain(resp *fasthttp.Response, err error) error {
	if err != nil {
		return err
	}
	return checkAnswer(resp.StatusCode(), len(resp.Body()))
}
