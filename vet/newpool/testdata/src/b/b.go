// Package b uses what another package makes.
package b

import (
	"net/http"

	"store"
)

func open(w http.ResponseWriter, r *http.Request) {
	db, err := store.Open("dsn") // want `a new sql.DB, from Open, for every request that reaches open: its connections are never reused`
	if err != nil {
		return
	}
	db.Ping()
}

func wrapped(w http.ResponseWriter, r *http.Request) {
	s, err := store.New("dsn") // want `a new Store with its own sql.DB, from New, for every request that reaches wrapped`
	if err != nil {
		return
	}
	defer s.Close()
	keep(s)
}

func twice(w http.ResponseWriter, r *http.Request) {
	store.NewApp("dsn").Count() // want `a new App with its own sql.DB, from NewApp, for every request that reaches twice`
}

func api(w http.ResponseWriter, r *http.Request) {
	store.NewAPI().Get(r.Context()) // want `a new API with its own http.Transport, from NewAPI, for every request that reaches api`
}

type server struct {
	source store.Source
	db     *store.Store
}

// Through an interface, and what it is closed with came beside it.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	st, done, err := s.source.Store() // want `a new Store with its own sql.DB, from Store, for every request that reaches ServeHTTP`
	if err != nil {
		return
	}
	defer done()
	keep(st)
}

var kept any

func keep(s *store.Store) { kept = s }

func deferred(w http.ResponseWriter, r *http.Request) {
	s, err := store.New("dsn") // want `a new Store with its own sql.DB, from New, for every request that reaches deferred`
	if err != nil {
		return
	}
	keep(s)
	defer func() { _ = s.Close() }()
}

func loop(names []string) {
	for range names {
		store.MustOpen("dsn").Ping() // want `a new sql.DB, from MustOpen, in every turn of a loop`
	}
}

func counts(w http.ResponseWriter, r *http.Request) {
	store.Count() // want `a new sql.DB by Count for every request that reaches counts: its connections are never reused`
}

func countsBy(c store.Counter, names []string) {
	for range names {
		c.Count() // want `a new sql.DB by Count in every turn of a loop`
	}
}

// What follows is right.

func countsOnce() { store.Count() } // want countsOnce:"makes a new sql.DB for each call"

func countsAll(all []store.Counter) {
	for _, c := range all {
		c.Count() // another each time
	}
}

func perhaps(w http.ResponseWriter, r *http.Request) { store.Perhaps(r.ProtoMajor) }

func newServer() *server { // want newServer:"returns a new server with its own sql.DB"
	s, _ := store.New("dsn")
	return &server{db: s}
}

func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	if s.db == nil {
		db, err := store.New("dsn")
		if err != nil {
			db.Close()
			return
		}
		s.db = db
	}
	s.db.Ping()
}

func given(w http.ResponseWriter, r *http.Request) {
	s, err := store.New("dsn") // somebody has it now
	if err != nil {
		return
	}
	keep(s)
}

func cached(w http.ResponseWriter, r *http.Request) { store.Cached("dsn").Ping() }
func shared(w http.ResponseWriter, r *http.Request) { store.Shared().Ping() }
func or(w http.ResponseWriter, r *http.Request)     { store.Or(store.Shared()).Ping() }
func maybe(w http.ResponseWriter, r *http.Request)  { store.NewMaybe(nil).Get(r.Context()) }
func named(w http.ResponseWriter, r *http.Request)  { _ = store.NewAPI().Name() }

func eachOf(dsns []string) {
	for _, dsn := range dsns {
		store.MustOpen(dsn).Ping()
	}
}

func migrate() { // want migrate:"makes a new sql.DB for each call"
	s, _ := store.New("dsn")
	defer s.Close()
}

// One report is for all that one package makes for each call: where most come by.
func countsTwice(w http.ResponseWriter, r *http.Request) {
	if r.Method == "POST" {
		store.Count()
	}
	store.Count() // want `a new sql.DB by Count for every request that reaches countsTwice`
}

func countsFirst(w http.ResponseWriter, r *http.Request) {
	store.Count() // want `a new sql.DB by Count for every request that reaches countsFirst`
	if r.Method == "POST" {
		store.Count()
	}
}
