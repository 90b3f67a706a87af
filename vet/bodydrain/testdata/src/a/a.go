package a

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// A status is all that is asked for.
func health(w http.ResponseWriter, r *http.Request) { ping("http://x") }

func ping(url string) bool {
	resp, err := http.Get(url) // want `the body is closed unread for every request that reaches ping: net/http closes its connection too`
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == 200
}

// A retry.
func Retry(c *http.Client, req *http.Request) ([]byte, error) {
	for {
		resp, err := c.Do(req) // want `the body is closed unread before the next request`
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 500 {
			resp.Body.Close()
			continue
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	}
}

// What follows is right.

func Read(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func RetryDrained(c *http.Client, req *http.Request) error {
	for {
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		io.CopyN(io.Discard, resp.Body, 64<<10)
		resp.Body.Close()
		if resp.StatusCode < 500 {
			return nil
		}
	}
}

func Head(url string) bool {
	req, err := http.NewRequest("HEAD", url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

// Its connection is nobody else's.
func own(w http.ResponseWriter, url string) bool {
	c := &http.Client{Transport: &http.Transport{}}
	resp, err := c.Get(url)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

// A client of its own, with the pool of all.
func shared(w http.ResponseWriter, url string) bool {
	c := &http.Client{}
	resp, err := c.Get(url) // want `closed unread for every request that reaches shared`
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

// Whoever likes calls it, as often as he likes: once, for all we know.
func Check(url string) bool {
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil
}

// A client behind an interface may be any.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

func ask(w http.ResponseWriter, d doer) {
	resp, err := d.Do(nil)
	if err == nil {
		resp.Body.Close()
	}
}

func once() {
	resp, err := http.Get("http://x")
	if err == nil {
		resp.Body.Close()
	}
}

// Each turn asks another.
func Mirrors(urls []string) bool {
	for _, url := range urls {
		resp, err := http.Get(url + "/ping")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == 200 {
			return true
		}
	}
	return false
}

type stream struct {
	url    string
	client *http.Client
	body   io.ReadCloser
}

// It is stored for somebody who stops it, and closed unread all the same.
func (s *stream) retry(done chan bool) {
	for {
		resp, err := s.client.Get(s.url) // want `the body is closed unread before the next request`
		if err != nil {
			return
		}
		s.body = resp.Body
		if resp.StatusCode == 200 {
			io.Copy(io.Discard, resp.Body)
		}
		resp.Body.Close()
	}
}

// What has it reads it.
func (s *stream) each() {
	for {
		resp, err := s.client.Get(s.url)
		if err != nil {
			return
		}
		s.body = resp.Body
		s.read()
		resp.Body.Close()
	}
}

func (s *stream) read() { io.Copy(io.Discard, s.body) }

// A status is the answer to a PUT.
func report(w http.ResponseWriter, r *http.Request) {
	head, err := http.NewRequest(http.MethodHead, "http://x", nil)
	if err != nil {
		return
	}
	head = head.WithContext(r.Context())
	resp, err := http.DefaultClient.Do(head)
	if err != nil {
		return
	}
	resp.Body.Close()
	put, err := http.NewRequest(http.MethodPut, "http://x", nil)
	if err != nil {
		return
	}
	resp, err = http.DefaultClient.Do(put)
	if err != nil {
		return
	}
	resp.Body.Close()
}

// Each turn has an address of a list, from which it was copied.
func Assets(assets []struct{ URL string }) {
	for _, asset := range assets {
		req, err := http.NewRequest("GET", asset.URL, nil)
		if err != nil {
			break
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			break
		}
		if resp.StatusCode != 200 {
			resp.Body.Close()
			continue
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// HTTP/2, most likely: the connection stays.
func hook(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get(fmt.Sprintf("%s/send", "https://hooks.example"))
	if err != nil {
		return
	}
	resp.Body.Close()
}

func plain(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get("http://" + "hooks.example" + r.URL.Path) // want `the body is closed unread for every request that reaches plain`
	if err != nil {
		return
	}
	resp.Body.Close()
}

// A status alone, most likely.
func acknowledge(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Post("http://x/ack", "text/plain", nil)
	if err != nil {
		return
	}
	resp.Body.Close()
}

var hooks = "https://hooks.example/"

func byVariable(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get(hooks + r.URL.Path)
	if err != nil {
		return
	}
	resp.Body.Close()
}

// It asks whether something is there yet.
func poll(c *http.Client, url string, every *time.Ticker) {
	for range every.C {
		resp, err := c.Get(url)
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == 200 {
			return
		}
	}
}

// It may be anything.
func value(do func(*http.Request) (*http.Response, error), req *http.Request) {
	for range 3 {
		resp, err := do(req)
		if err != nil {
			continue
		}
		resp.Body.Close()
	}
}

// A method that is a value is a method all the same.
func bound(w http.ResponseWriter, r *http.Request) {
	do := http.DefaultClient.Do
	req, _ := http.NewRequest("", "http://x", nil)
	resp, err := do(req) // want `the body is closed unread for every request that reaches bound`
	if err != nil {
		return
	}
	resp.Body.Close()
}

// It may be set to another one.
var base = "https://x"

func init() { base = "http://y" }

func byBase(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get(base) // want `the body is closed unread for every request that reaches byBase`
	if err != nil {
		return
	}
	resp.Body.Close()
}

type service struct {
	url    string
	client *http.Client
}

// Each service has a client of its own.
func askAll(all []service) {
	for _, s := range all {
		u := *must(s.url)
		resp, err := s.client.Get(u)
		if err != nil {
			return
		}
		resp.Body.Close()
	}
}

func must(s string) *string { return &s }

// They are closed when all requests are made.
func later(u string) {
	for range 3 {
		resp, err := http.Get(*must(u)) // want `the body is closed unread in every turn of a loop`
		if resp != nil {
			defer func() { resp.Body.Close() }()
		}
		if err != nil {
			return
		}
	}
}

// Is it up yet?
func awaits() {
	for range 240 {
		resp, err := http.Get("http://x")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == 200 {
				return
			}
		}
		time.Sleep(time.Second)
	}
}

// Who tries again waits longer and longer.
func tries() {
	wait := time.Second
	for range 5 {
		resp, err := http.Get("http://x") // want `the body is closed unread before the next request`
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == 200 {
				return
			}
		}
		time.Sleep(wait)
		wait *= 2
	}
}

// Only a test sets it to another one.
var wiki = "https://wiki/"

func byWiki(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get(wiki + r.URL.Path)
	if err != nil {
		return
	}
	resp.Body.Close()
}

func overSocket() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", "/run/x") },
	}}
}

// The client is the call's own, whatever it dials.
func bySocket(w http.ResponseWriter, r *http.Request) {
	resp, err := overSocket().Get("http://x")
	if err != nil {
		return
	}
	resp.Body.Close()
}

// As long each time.

func after(done chan struct{}) {
	for {
		resp, err := http.Get("http://x")
		if err == nil {
			resp.Body.Close()
		}
		select {
		case <-done:
			return
		case <-time.After(time.Second):
		}
	}
}

func ticks() {
	t := time.NewTicker(time.Second)
	for {
		resp, err := http.Get("http://x")
		if err == nil {
			resp.Body.Close()
		}
		<-t.C
	}
}

func longer() {
	for wait := time.Second; ; wait *= 2 {
		resp, err := http.Get("http://x") // want `the body is closed unread before the next request`
		if err == nil {
			resp.Body.Close()
		}
		<-time.After(wait)
	}
}
