package a

import "testing"

func TestWiki(t *testing.T) {
	old := wiki
	wiki = "http://127.0.0.1:1/"
	t.Cleanup(func() { wiki = old })
}
