package a

import (
	"errors"
	"net/http"
	"time"
)

// tell says what went wrong, to whom it may concern.
func tell(url string) {
	(&http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}).Get(url)
}

func report(url string) { // of each turn
	(&http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}).Get(url) // want `a new http.Transport in every turn of a loop`
}

func work(jobs []func() error) {
	for _, job := range jobs {
		if err := job(); err != nil {
			tell("http://alerts")
			continue
		}
		report("http://done")
	}
}

// Fallback goes to the mirror where the first does not answer.
func Fallback(url string) (*http.Response, error) {
	resp, err := http.Get(url)
	if err != nil {
		resp, err = (&http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Second}}).Get("http://mirror" + url)
	}
	return resp, errors.Join(err)
}
