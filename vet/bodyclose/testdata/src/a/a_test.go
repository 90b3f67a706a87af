package a

import (
	"net/http"
	"testing"
)

func TestReal(t *testing.T) {
	resp, err := http.Get("http://x") // want `never closed`
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
}

func TestDouble(t *testing.T) {
	var d doer
	resp, _ := d.Do(nil)
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
}
