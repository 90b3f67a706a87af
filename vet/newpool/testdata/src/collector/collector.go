// Package collector is asked a few times a minute, and measures how it connects.
package collector

import (
	"database/sql"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

type exporter struct{ dsn string }

func (e *exporter) Collect(ch chan<- prometheus.Metric) { e.scrape() } // want Collect:"makes a new sql.DB for each call"

func (e *exporter) scrape() { // want scrape:"makes a new sql.DB for each call"
	db, _ := sql.Open("pgx", e.dsn)
	defer db.Close()
	db.Ping()
}

func (e *exporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	db, _ := sql.Open("pgx", e.dsn) // want `a new sql.DB for every request that reaches ServeHTTP`
	defer db.Close()
	db.Ping()
}
