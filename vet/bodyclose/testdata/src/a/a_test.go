package a

import (
	"encoding/json"
	"net/http"
	"testing"
)

func TestReal(t *testing.T) {
	resp, err := http.Get("http://x") // want `never closed`
	if err != nil {
		t.Fatal(err)
	}
	var v any
	json.NewDecoder(resp.Body).Decode(&v)
}

func TestStatus(t *testing.T) {
	resp, err := http.Get("http://x")
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(err)
	}
}

func TestDouble(t *testing.T) {
	var d doer
	resp, _ := d.Do(nil)
	var v any
	json.NewDecoder(resp.Body).Decode(&v)
}
