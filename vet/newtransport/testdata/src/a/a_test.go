package a

import (
	"net/http"
	"testing"
)

func TestTable(t *testing.T) {
	for range 3 {
		c := &http.Client{Transport: &http.Transport{}}
		c.Get("http://x")
	}
}

func BenchmarkGet(b *testing.B) {
	for b.Loop() {
		c := &http.Client{Transport: &http.Transport{}} // want `in every turn of a loop`
		c.Get("http://x")
	}
}
