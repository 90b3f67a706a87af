package a

import (
	"database/sql"
	"net/http"

	"example.com/mine"
	redis "github.com/redis/go-redis/v9"
)

func handler(w http.ResponseWriter, r *http.Request) {
	db, err := sql.Open("pgx", "dsn") // want `a new sql.DB for every request that reaches handler: its connections are never reused`
	if err != nil {
		return
	}
	defer db.Close()
	db.Query("select 1")
}

type server struct {
	rdb *redis.Client
	db  *sql.DB
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.count("x") }

func (s *server) count(key string) {
	rdb := redis.NewClient(&redis.Options{}) // want `a new redis.Client for every request that reaches count`
	defer rdb.Close()
	rdb.Get(key)
}

func loop(keys []string) {
	for _, k := range keys {
		redis.NewClient(nil).Get(k) // want `a new redis.Client in every turn of a loop`
	}
}

func own(w http.ResponseWriter, r *http.Request) {
	mine.NewPool().Use() // want `a new mine.Pool for every request that reaches own`
}

// What follows is right.

func newServer() *server { // want newServer:"returns a new server with its own redis.Client"
	s := &server{rdb: redis.NewClient(nil)}
	s.db, _ = sql.Open("pgx", "dsn")
	return s
}

func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	if s.rdb == nil {
		s.rdb = redis.NewClient(nil)
	}
	s.rdb.Get("x")
}

func main() {
	db, _ := sql.Open("pgx", "dsn")
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { db.Query("select 1") })
}

// Called by whoever likes: a migration, for all we know.
func Migrate() { // want Migrate:"makes a new sql.DB for each call"
	db, _ := sql.Open("pgx", "dsn")
	defer db.Close()
	db.Exec("create table t")
}

// One for each backend.
func backends(dsns map[string]string) {
	for _, dsn := range dsns {
		db, _ := sql.Open("pgx", dsn)
		db.Ping()
	}
}
