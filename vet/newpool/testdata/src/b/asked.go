package b

import (
	"database/sql"
	"fmt"
	"net/http"
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
