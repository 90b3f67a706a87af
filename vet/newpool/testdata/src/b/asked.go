package b

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"store"
)

// Pools to an address that was asked for.

func probe(w http.ResponseWriter, r *http.Request) {
	db, err := sql.Open("pgx", r.FormValue("target"))
	if err != nil {
		return
	}
	defer db.Close()
	db.Ping()
}

type options struct{ dsn string }

func probeBy(w http.ResponseWriter, r *http.Request) {
	s := options{dsn: r.FormValue("target")}
	db := store.MustOpen(s.dsn)
	defer db.Close()
	db.Ping()
}

func probeAt(w http.ResponseWriter, r *http.Request) {
	db := store.MustOpen(fmt.Sprintf("postgres://%s@%s/postgres", r.FormValue("user"), r.FormValue("host")))
	defer db.Close()
	db.Ping()
}

func probeIn(w http.ResponseWriter, r *http.Request) {
	db := store.MustOpen("host=" + r.FormValue("host"))
	defer db.Close()
	db.Ping()
}

func probeOptions(w http.ResponseWriter, r *http.Request) {
	c := redis.NewClient(&redis.Options{Addr: r.FormValue("target"), Password: "none"})
	defer c.Close()
	c.Get("key")
}

func probeQuery(c *gin.Context) {
	db := store.MustOpen(c.Query("target"))
	defer db.Close()
	db.Ping()
}

// Pools to one address, for who asks.

func forToken(w http.ResponseWriter, r *http.Request) {
	s, err := store.New(r.Header.Get("Authorization")) // want `a new Store with its own sql.DB, from New, for every request that reaches forToken`
	if err != nil {
		return
	}
	s.Ping()
}

func forUser(w http.ResponseWriter, r *http.Request) {
	user, _, _ := r.BasicAuth()
	store.MustOpen(user).Ping() // want `for every request that reaches forUser`
}

func forCookie(c *gin.Context) {
	session, _ := c.Cookie("session")
	store.MustOpen(session).Ping() // want `for every request that reaches forCookie`
}

func forWhole(w http.ResponseWriter, r *http.Request) {
	store.NewBy(r).Ping() // want `for every request that reaches forWhole`
}

func forTenant(w http.ResponseWriter, r *http.Request) {
	store.MustOpen("postgres://app@db:5432/" + r.FormValue("tenant")).Ping() // want `for every request that reaches forTenant`
}

func forSchema(w http.ResponseWriter, r *http.Request) {
	store.MustOpen(fmt.Sprintf("app@tcp(db:3306)/%s", r.FormValue("tenant"))).Ping() // want `for every request that reaches forSchema`
}

func forNumber(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.FormValue("db"))
	c := redis.NewClient(&redis.Options{DB: n}) // want `for every request that reaches forNumber`
	defer c.Close()
	c.Get("key")
}

func forPassword(w http.ResponseWriter, r *http.Request) {
	c := redis.NewClient(&redis.Options{Addr: "cache:6379", Password: r.FormValue("password")}) // want `for every request that reaches forPassword`
	defer c.Close()
	c.Get("key")
}

// What is written, and what is asked for.

func probeTCP(w http.ResponseWriter, r *http.Request) {
	db := store.MustOpen(fmt.Sprintf("exporter:secret@tcp(%s)/", r.URL.Query().Get("target")))
	defer db.Close()
	db.Ping()
}

func probeSum(w http.ResponseWriter, r *http.Request) {
	db := store.MustOpen("postgres://exporter:secret@" + r.FormValue("host") + "/postgres")
	defer db.Close()
	db.Ping()
}

func probeFile(w http.ResponseWriter, r *http.Request) {
	db := store.MustOpen("file:///data/" + r.FormValue("name") + ".db")
	defer db.Close()
	db.Ping()
}

func probeBody(w http.ResponseWriter, r *http.Request) {
	var in struct{ DSN string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return
	}
	db := store.MustOpen(in.DSN)
	defer db.Close()
	db.Ping()
}

func probeURL(w http.ResponseWriter, r *http.Request) {
	u, err := url.Parse("postgres://exporter@localhost/postgres")
	if err != nil {
		return
	}
	u.Host = r.FormValue("target")
	db := store.MustOpen(u.String())
	defer db.Close()
	db.Ping()
}

func probeTarget(w http.ResponseWriter, target string) {
	db := store.MustOpen(target)
	defer db.Close()
	db.Ping()
}

func probeShard(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("shard"))
	db := store.MustOpen(fmt.Sprintf("postgres://app@db-%d.internal/app", n))
	defer db.Close()
	db.Ping()
}

func probeAgent(w http.ResponseWriter, r *http.Request) {
	s, err := store.New(r.RemoteAddr)
	if err != nil {
		return
	}
	s.Ping()
}

func probes(w http.ResponseWriter, r *http.Request) { check(r.URL.Query().Get("target")) }

func check(target string) {
	db := store.MustOpen(target)
	defer db.Close()
	db.Ping()
}

type tenantsOf struct{ dsn string }

func (s *tenantsOf) byPath(w http.ResponseWriter, r *http.Request) {
	store.MustOpen(s.dsn + "/" + r.FormValue("tenant")).Ping() // want `for every request that reaches byPath`
}

func (s *tenantsOf) byQuery(w http.ResponseWriter, r *http.Request) {
	store.MustOpen(fmt.Sprintf("%s?search_path=%s", s.dsn, r.FormValue("tenant"))).Ping() // want `for every request that reaches byQuery`
}

func (s *tenantsOf) byKeyword(w http.ResponseWriter, r *http.Request) {
	store.MustOpen(fmt.Sprintf("host=db user=app dbname=%s", r.FormValue("tenant"))).Ping() // want `for every request that reaches byKeyword`
}

func (s *tenantsOf) byDatabase(w http.ResponseWriter, r *http.Request) {
	store.MustOpen("sqlserver://sa:x@db:1433?database=" + r.FormValue("tenant")).Ping() // want `for every request that reaches byDatabase`
}

func probeBase(w http.ResponseWriter, r *http.Request) {
	db := store.MustOpen(r.FormValue("base") + "/postgres")
	defer db.Close()
	db.Ping()
}

// A name of the request's is no address, where the call does more than to make a pool.
func tokens(w http.ResponseWriter, r *http.Request) { tokenOf(r.FormValue("owner")) }

func tokenOf(owner string) (string, error) {
	return store.Token(owner) // want `a new sql.DB by Token for every request that reaches tokenOf`
}

func (s *tenantsOf) isToken(w http.ResponseWriter, r *http.Request, owner string) bool {
	token, err := store.Token(owner) // want `a new sql.DB by Token for every request that reaches isToken`
	return err == nil && token == r.Header.Get("Authorization")
}
