package berth_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/berth-go/berth"
)

func ExampleTransport_Handler() {
	transport := berth.Default()

	debug := http.NewServeMux() // on an address of its own, not the public's
	debug.Handle("/debug/berth", transport.Handler())
	srv := httptest.NewServer(debug)
	defer srv.Close()

	client := &http.Client{Transport: transport}
	resp, err := client.Get(srv.URL + "/debug/berth")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	fmt.Println(strings.Contains(string(page), "<p>1 connection: 1 in use, 0 idle; 0 dials, 0 requests wait</p>"), err)
	// Output: true <nil>
}
