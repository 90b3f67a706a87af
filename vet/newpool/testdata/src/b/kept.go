package b

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"sync"
	"time"

	"store"
)

// Pools that are kept, though they may be closed.

type tenants struct {
	all    sync.Map
	mu     sync.Mutex
	byName map[string]*sql.DB
	closed bool
	db     *sql.DB
	n      int
}

// The one that came too late is closed.
func (t *tenants) loaded(w http.ResponseWriter, r *http.Request) {
	db, err := sql.Open("pgx", "dsn/")
	if err != nil {
		return
	}
	if _, loaded := t.all.LoadOrStore(r.Host, db); loaded {
		db.Close()
	}
}

func (t *tenants) get(name string) (*sql.DB, error) {
	db, err := sql.Open("pgx", name)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		db.Close()
		return nil, errors.New("closed")
	}
	if other := t.byName[name]; other != nil {
		db.Close()
		return other, nil
	}
	t.byName[name] = db
	return db, nil
}

func (t *tenants) gets(w http.ResponseWriter, r *http.Request) {
	db, _ := t.get(r.Host)
	db.Ping()
}

// It is closed unless all went well.
func (t *tenants) flag(w http.ResponseWriter, r *http.Request) {
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return
	}
	ok := false
	defer func() {
		if !ok {
			db.Close()
		}
	}()
	if db.Ping() != nil {
		return
	}
	t.db, ok = db, true
}

func (t *tenants) checked(w http.ResponseWriter, r *http.Request) {
	if t.db == nil {
		t.db, _ = store.Checked()
	}
	t.db.Ping()
}

func (t *tenants) asksFirst(w http.ResponseWriter, r *http.Request) {
	if t.n == 0 {
		t.n, _ = store.Count()
	}
}

func openAnd() (*sql.DB, func(string)) { // want openAnd:"returns a new sql.DB"
	db, _ := sql.Open("pgx", "dsn")
	return db, func(table string) { db.Exec(table) }
}

func and(w http.ResponseWriter, r *http.Request) {
	db, creates := openAnd()
	creates("t")
	keptDB(db)
}

func keptDB(db *sql.DB) { kept = db }

// Pools that are used for as long as somebody is there.

func events(w http.ResponseWriter, r *http.Request) {
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return
	}
	defer db.Close()
	for {
		db.Ping()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func works(ctx context.Context, jobs chan string) {
	for ctx.Err() == nil {
		work(jobs)
	}
}

func work(jobs chan string) {
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return
	}
	defer db.Close()
	for job := range jobs {
		db.Exec(job)
	}
}

func worksBy(jobs chan string, n int) {
	for range n {
		db, _ := sql.Open("pgx", "dsn")
		each(db, jobs)
		db.Close()
	}
}

func each(db *sql.DB, jobs chan string) {
	for job := range jobs {
		db.Exec(job)
	}
}

func again() error {
	for {
		if err := store.Run(); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
	}
}

// Regions are others each time.
func regions(all []string) {
	for _, name := range all {
		open := func() string { return name }
		store.MustOpen(open()).Ping()
	}
}

// What follows is wasted all the same.

func rows(w http.ResponseWriter, r *http.Request) {
	db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches rows`
	all, _ := db.Query("select 1")
	for all.Next() {
		all.Scan()
	}
}

func byKind(w http.ResponseWriter, r *http.Request) {
	db, err := store.By("pgx") // want `a new sql.DB, from By, for every request that reaches byKind`
	if err != nil {
		return
	}
	defer db.Close()
	keep(nil)
}

func ifThere(w http.ResponseWriter, r *http.Request) {
	db, _ := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches ifThere`
	defer func() {
		if db != nil {
			db.Close()
		}
	}()
	kept = db
}

// A Mine is another package's interface, whose methods are not of this one.
type Mine store.Opener

type mine struct{}

func (*mine) OpenDB() *sql.DB { return store.MustOpen("dsn") } // want OpenDB:"returns a new sql.DB"

// It is used again in the call.
func batch(w http.ResponseWriter, r *http.Request) {
	db, err := sql.Open("pgx", "dsn")
	if err != nil {
		return
	}
	defer db.Close()
	for _, name := range r.Form["name"] {
		db.Exec(name)
	}
}

// What it connects to is told by another.
func discovers(w http.ResponseWriter, r *http.Request, ask func(func(string))) {
	var addr string
	ask(func(answer string) { addr = answer })
	db, err := sql.Open("pgx", addr)
	if err != nil {
		return
	}
	defer db.Close()
	db.Ping()
}

type app struct {
	store  *store.Store
	closer store.Closer
}

func (a *app) route(w http.ResponseWriter) {}

// It may not be used at all.
func routes(w http.ResponseWriter, r *http.Request) {
	s, _ := store.New("dsn")
	a := &app{store: s}
	a.route(w)
}

func routesBy(w http.ResponseWriter, r *http.Request) {
	db, _, _ := store.OpenCloser()
	a := &app{closer: db}
	a.route(w)
}
