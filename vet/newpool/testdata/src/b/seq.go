package b

import (
	"database/sql"
	"iter"

	"store"
)

func seq(all iter.Seq[string]) {
	for name := range all {
		db, err := sql.Open("pgx", "dsn") // want `a new sql.DB in every turn of a loop`
		if err != nil {
			return
		}
		db.Exec(name)
		db.Close()
	}
}

func seqEach(all iter.Seq2[int, string]) {
	for _, dsn := range all {
		store.MustOpen(dsn).Ping()
	}
}
