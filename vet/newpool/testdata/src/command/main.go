// A command that goes through what it is given.
package main

import (
	"os"

	"store"
)

func main() {
	for range os.Args {
		store.MustOpen("dsn").Ping() // want `a new sql.DB, from MustOpen, in every turn of a loop`
	}
}
