package berth

import (
	"net/url"
	"testing"
)

func TestCanonicalAddr(t *testing.T) {
	for raw, want := range map[string]string{
		"http://host":                "host:80",
		"https://host":               "host:443",
		"socks5://host":              "host:1080",
		"http://host:8080":           "host:8080",
		"http://[::1]:8080":          "[::1]:8080",
		"https://[::1]":              "[::1]:443",
		"http://пример.com":          "xn--e1afmkfd.com:80",
		"http://пример.com:8080/":    "xn--e1afmkfd.com:8080", // as many bytes as it has in UTF-8
		"http://user:pw@host:1/path": "host:1",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := canonicalAddr(u); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

func TestHostName(t *testing.T) {
	for key, want := range map[hostKey]string{
		{scheme: "https", addr: "host:443"}:                                       "https://host:443",
		{scheme: "https", addr: "host:443", http1: true}:                          "https://host:443",
		{scheme: "https", addr: "host:443", proxy: "http://me:secret@proxy:3128"}: "https://host:443 via http://me:xxxxx@proxy:3128",
		{scheme: "http", proxy: "http://proxy:3128"}:                              "http://* via http://proxy:3128",
		{scheme: "http", addr: "host:80", proxy: "socks5://proxy"}:                "http://host:80 via socks5://proxy",
	} {
		if got := key.String(); got != want {
			t.Errorf("%+v: %s, want %s", key, got, want)
		}
	}
}
