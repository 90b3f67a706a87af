package b

import (
	"context"

	"store"
)

// A subscription: who makes it again lost it.
func subscribes(ctx context.Context) {
	for ctx.Err() == nil {
		s, err := store.New("dsn")
		if err != nil {
			return
		}
		s.Subscribe(ctx, func(event string) { println(event) })
	}
}

// A transaction.
func transacts(ctx context.Context, jobs []string) {
	for range jobs {
		s, err := store.New("dsn") // want `a new Store with its own sql.DB, from New, in every turn of a loop`
		if err != nil {
			return
		}
		s.Transact(ctx, func(table string) error { return nil })
	}
}
