package a

import (
	"net/http"
	"testing"
)

func TestStatus(t *testing.T) {
	resp, err := http.Get("http://x")
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(err)
	}
}
