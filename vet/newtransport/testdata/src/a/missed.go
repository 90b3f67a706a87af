package a

import (
	"net/http"
	"sync"
)

var hostTokens sync.Map

// Token asks once for each host.
func Token(host string) (string, error) {
	if t, ok := hostTokens.Load(host); ok {
		return t.(string), nil
	}
	t, err := askFor(host)
	if err == nil {
		hostTokens.Store(host, t)
	}
	return t, err
}

func askFor(host string) (string, error) {
	resp, err := (&http.Client{Transport: &http.Transport{DisableCompression: true}}).Get("http://" + host)
	if err != nil {
		return "", err
	}
	return resp.Header.Get("Token"), resp.Body.Close()
}

type crawler struct{ seen map[string]bool }

// Crawl goes to each address once: there are many.
func (c *crawler) Crawl(url string) error {
	if _, ok := c.seen[url]; ok {
		return nil
	}
	c.seen[url] = true
	resp, err := (&http.Client{Transport: &http.Transport{DisableCompression: true}}).Get(url) // want `a new http.Transport for every call of Crawl`
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Named has what it is given, and no cache.
func Named(names map[string]string, host string) (string, error) {
	if name, ok := names[host]; ok {
		return name, nil
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableCompression: true}}).Get("http://" + host) // want `a new http.Transport for every call of Named`
	if err != nil {
		return "", err
	}
	return resp.Header.Get("Name"), resp.Body.Close()
}

var known = map[string]string{"localhost": "here"}

// Where asks for each that is not known, and learns nothing.
func Where(host string) (string, error) {
	if name, ok := known[host]; ok {
		return name, nil
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableCompression: true}}).Get("http://" + host) // want `a new http.Transport for every call of Where`
	if err != nil {
		return "", err
	}
	return resp.Header.Get("Name"), resp.Body.Close()
}
