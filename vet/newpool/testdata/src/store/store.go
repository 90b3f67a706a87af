// Package store makes pools for others.
package store

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"sync"
)

func Open(dsn string) (*sql.DB, error) { // want Open:"returns a new sql.DB"
	return sql.Open("pgx", dsn)
}

// MustOpen panics.
func MustOpen(dsn string) *sql.DB { // want MustOpen:"returns a new sql.DB"
	db, err := Open(dsn)
	if err != nil {
		panic(err)
	}
	return db
}

// A Store has a pool.
type Store struct{ db *sql.DB }

func New(dsn string) (*Store, error) { // want New:"returns a new Store with its own sql.DB"
	if dsn == "" {
		return nil, errors.New("no dsn")
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	s := &Store{}
	s.db = db
	if err := s.Ping(); err != nil {
		db.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) Ping() error  { return s.db.Ping() }
func (s *Store) Close() error { return s.db.Close() }

// A Closer may be a pool itself.
type Closer interface{ Close() error }

func OpenCloser() (Closer, *sql.Conn, error) { // want OpenCloser:"returns a new sql.DB"
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return nil, nil, err
	}
	conn, err := db.Conn(context.Background())
	return db, conn, err
}

// An App has a store.
type App struct{ store *Store }

func NewApp(dsn string) *App { // want NewApp:"returns a new App with its own sql.DB"
	s, _ := New(dsn)
	return &App{store: s}
}

func (a *App) Count() { a.store.Ping() }

// An API has a Transport.
type API struct{ client *http.Client }

func NewAPI() *API { // want NewAPI:"returns a new API with its own http.Transport"
	return &API{client: &http.Client{Transport: &http.Transport{MaxIdleConns: 1, MaxIdleConnsPerHost: 1}}}
}

func (a *API) Get(ctx context.Context) (err error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://a/", nil)
	if err == nil {
		_, err = a.client.Do(req)
	}
	return err
}

func (a *API) Name() string { return "a" }

// An Opener is implemented elsewhere.
type Opener interface{ OpenDB() *sql.DB }

// By opens what is asked for.
func By(kind string) (db *sql.DB, err error) { // want By:"returns a new sql.DB"
	switch kind {
	case "":
		return nil, errors.New("no kind")
	case "pgx":
		return sql.Open("pgx", "dsn")
	}
	return sql.Open("mysql", "dsn")
}

// A Source makes stores, for whoever has one.
type Source interface {
	Store() (*Store, func(), error) // want Store:"returns a new Store with its own sql.DB"
	Name() string
}

type source struct{ dsn string }

func (s *source) Store() (*Store, func(), error) { // want Store:"returns a new Store with its own sql.DB"
	st, err := New(s.dsn)
	if err != nil {
		return nil, nil, err
	}
	return st, func() { st.Close() }, nil
}

func (s *source) Name() string { return s.dsn }

// A Counter counts, with what it opens each time.
type Counter interface {
	Count() (int, error) // want Count:"makes a new sql.DB for each call"
}

type counter struct{ dsn string }

func (c *counter) Count() (int, error) { // want Count:"makes a new sql.DB for each call"
	return c.count()
}

func (c *counter) count() (int, error) { // want count:"makes a new sql.DB for each call"
	s, _, err := (&source{c.dsn}).Store()
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return 1, s.Ping()
}

// What follows makes none, or not each time.

// Perhaps counts, if there is something to count.
func Perhaps(n int) {
	if n > 0 {
		Count()
	}
}

var (
	mu     sync.Mutex
	stores = map[string]*Store{}
	once   sync.Once
	shared *sql.DB
)

func Cached(dsn string) *Store {
	mu.Lock()
	defer mu.Unlock()
	if s, ok := stores[dsn]; ok {
		return s
	}
	s, _ := New(dsn)
	stores[dsn] = s
	return s
}

func Shared() *sql.DB {
	once.Do(func() { shared, _ = sql.Open("pgx", "dsn") })
	return shared
}

// Or returns the one that is there, if there is.
func Or(db *sql.DB) *sql.DB {
	if db != nil {
		return db
	}
	db, _ = sql.Open("pgx", "dsn")
	return db
}

// NewMaybe has a Transport of its own if it is not given one.
func NewMaybe(tr http.RoundTripper) *API {
	if tr == nil {
		tr = &http.Transport{MaxIdleConns: 1, MaxIdleConnsPerHost: 1}
	}
	return &API{client: &http.Client{Transport: tr}}
}

// Count is done with it.
func Count() (int, error) { // want Count:"makes a new sql.DB for each call"
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return 1, db.Ping()
}

// A Lazy one makes it when it is asked first.
type Lazy interface{ DB() *sql.DB }

type lazy struct{ db *sql.DB }

func (l *lazy) DB() *sql.DB {
	if l.db == nil {
		l.db, _ = sql.Open("pgx", "dsn")
	}
	return l.db
}

// Checked is as good as new.
func Checked() (*sql.DB, error) { // want Checked:"returns a new sql.DB"
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return nil, err
	}
	if db.Stats().OpenConnections > 1 {
		db.Close()
		return nil, errors.New("in use")
	}
	return db, nil
}

// Run is the program.
func Run() error {
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return err
	}
	defer db.Close()
	return http.ListenAndServe(":0", nil)
}

func (s *Store) Subscribe(ctx context.Context, on func(event string)) error { return s.db.Ping() }

func (s *Store) Transact(ctx context.Context, do func(table string) error) error { return do("t") }

// NewBy reads more of a request than anybody can see.
func NewBy(r *http.Request) *Store { // want NewBy:"returns a new Store with its own sql.DB"
	db, _ := sql.Open("pgx", r.Header.Get("X-Database"))
	return &Store{db}
}

// Token is asked for by a name.
func Token(owner string) (string, error) { // want Token:"makes a new sql.DB for each call"
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return "", err
	}
	defer db.Close()
	return owner, db.QueryRow("select token from tokens where owner = $1", owner).Scan(&owner)
}
