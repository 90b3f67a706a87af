// A server that goes through what it is given, before it serves.
package main

import (
	"net/http"
	"os"

	"store"
)

func main() {
	for range os.Args {
		store.MustOpen("dsn").Ping()
	}
	for range os.Args {
		token()
	}
	go func() {
		for range os.Args {
			store.MustOpen("dsn").Ping() // want `a new sql.DB, from MustOpen, in every turn of a loop`
		}
	}()
	http.ListenAndServe(":0", nil)
}

func token() { // want token:"makes a new sql.DB for each call"
	db := store.MustOpen("dsn")
	defer db.Close()
	db.Ping()
}
