package berth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/berth-go/berth"
)

func TestSetHostLimits(t *testing.T) {
	arrived, release := make(chan bool), make(chan bool)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- true
		<-release
	}))
	defer srv.Close()
	defer close(release)
	tr := new(berth.Transport)
	defer tr.Close()
	if err := tr.SetHostLimits(srv.URL, berth.Limits{MaxConnsPerHost: 1}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		go tr.RoundTrip(httptest.NewRequest("GET", srv.URL, nil))
	}
	<-arrived
	for tr.Stats().Waiting == 0 { // the other one, very soon
	}
	if s := tr.Stats(); s.InUse != 1 || s.Dials != 1 {
		t.Errorf("%d in use, %d dials; want 1, 1", s.InUse, s.Dials)
	}
	if err := tr.SetHostLimits(srv.URL, berth.Limits{}); err != nil { // for requests that begin later
		t.Fatal(err)
	}
	if err := tr.SetHostLimits(srv.URL, berth.Limits{MaxConnsPerHost: 2}); err != nil {
		t.Fatal(err)
	}
	<-arrived
}

func TestSetHostLimitsOfNoHost(t *testing.T) {
	tr := new(berth.Transport)
	for _, name := range []string{"", "host", "host:80", "ftp://host", "http://", "http://host/path", "http://user@host", "http://host?q", "http://[::1"} {
		if tr.SetHostLimits(name, berth.Limits{MaxConnsPerHost: 1}) == nil {
			t.Errorf("%q is taken for a host", name)
		}
	}
	for _, name := range []string{
		"http://host", "http://host:80", "https://[::1]:443",
		"https://host via http://proxy:3128", "http://* via http://me:xxxxx@proxy:3128",
	} {
		if err := tr.SetHostLimits(name, berth.Limits{MaxConnsPerHost: 1}); err != nil {
			t.Error(err)
		}
	}
}
