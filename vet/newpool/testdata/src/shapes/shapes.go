// The shapes in which a pool is made for every request, and beside each the one that is
// right.
package shapes

import (
	"database/sql"
	"net/http"
	"sync"
)

func plain(names []string) {
	for _, name := range names {
		db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB in every turn of a loop`
		db.Exec(name)
		db.Close()
	}
}

func plainRight(names []string) {
	db, _ := sql.Open("pgx", "dsn")
	for _, name := range names {
		db.Exec(name)
	}
	db.Close()
}

type server struct {
	dsn string
	db  *sql.DB
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.method() }

func (s *server) method() {
	db, err := sql.Open("pgx", s.dsn) // want `a new sql.DB for every request that reaches method`
	if err != nil {
		return
	}
	defer db.Close()
	db.Ping()
}

func (s *server) methodRight(w http.ResponseWriter, r *http.Request) {
	if s.db == nil {
		s.db, _ = sql.Open("pgx", s.dsn)
	}
	s.db.Ping()
}

func closure(w http.ResponseWriter, r *http.Request) {
	func() {
		db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches closure`
		defer db.Close()
		db.Ping()
	}()
}

func closureRight() http.HandlerFunc {
	db, _ := sql.Open("pgx", "dsn")
	return func(w http.ResponseWriter, r *http.Request) { db.Ping() }
}

func count() {
	db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches count`
	db.Ping()
	db.Close()
}

func helper(w http.ResponseWriter, r *http.Request) { count() }

func helperReturns(w http.ResponseWriter, r *http.Request) {
	db := open() // want `a new sql.DB, from open, for every request that reaches helperReturns`
	db.Ping()
}

func open() *sql.DB { // want open:"returns a new sql.DB"
	db, _ := sql.Open("pgx", "dsn")
	return db
}

var (
	once sync.Once
	kept *sql.DB
)

func helperRight(w http.ResponseWriter, r *http.Request) {
	once.Do(func() { kept = open() })
	kept.Ping()
}

type pinger interface{ Ping() error }

func iface(w http.ResponseWriter, r *http.Request) {
	db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches iface`
	var p pinger = db
	p.Ping()
}

type holder struct{ p pinger }

func (h *holder) ifaceRight(w http.ResponseWriter, r *http.Request) {
	db, _ := sql.Open("pgx", "dsn")
	h.p = db
}

func generic[T any](w http.ResponseWriter, r *http.Request) (v T) {
	db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches generic`
	db.Ping()
	return v
}

func genericRight[T any](dsns []T, text func(T) string) {
	for _, dsn := range dsns {
		db, _ := sql.Open("pgx", text(dsn)) // each is another
		db.Ping()
	}
}

func handler(w http.ResponseWriter, r *http.Request) {
	db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches handler`
	defer db.Close()
	db.Ping()
}

func handlerRight(db *sql.DB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { db.Ping() }
}

type option func(*sql.DB)

func options(w http.ResponseWriter, opts ...option) {
	db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches options`
	for _, o := range opts {
		o(db)
	}
	db.Ping()
}

func optionsRight(opts ...option) *sql.DB { // want optionsRight:"returns a new sql.DB"
	db, _ := sql.Open("pgx", "dsn")
	for _, o := range opts {
		o(db)
	}
	return db
}
