package a

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

type collector struct{}

func (collector) Collect(ch chan<- prometheus.Metric) {
	c := &http.Client{Transport: &http.Transport{}} // want `a new http.Transport for every scrape that reaches Collect: its connections are never reused`
	c.Get("http://a/")
}
