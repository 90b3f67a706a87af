// Package rpc has handlers of gRPC, which it is told by their messages: it imports
// nothing that has a pool.
package rpc

import (
	"context"

	"google.golang.org/grpc/status"

	"store"
)

type request struct{}

func (*request) ProtoMessage() {}

type reply struct{}

func (*reply) ProtoReflect() {}

// A stream is the server's end.
type stream interface {
	SendHeader() error
	SendMsg(m any) error
	RecvMsg(m any) error
}

// A clientStream is the other.
type clientStream interface {
	SendMsg(m any) error
	RecvMsg(m any) error
}

// A ThingServer is what is generated.
type ThingServer interface {
	Get(context.Context, *request) (*reply, error)
	Watch(*request, stream) error
}

type server struct{}

// A client has a method of the same kind, and is no server.
type client struct{}

func (c *client) Get(ctx context.Context, r *request) (*reply, error) { // want Get:"makes a new sql.DB for each call"
	db := store.MustOpen("dsn")
	defer db.Close()
	return &reply{}, db.Ping()
}

func (s *server) Get(ctx context.Context, r *request) (*reply, error) {
	db, err := store.Open("dsn") // want `a new sql.DB, from Open, for every request that reaches Get`
	if err != nil {
		return nil, status.Error(1, "no database")
	}
	defer db.Close()
	return &reply{}, db.Ping()
}

func (s *server) Watch(r *request, out stream) error {
	db := store.MustOpen("dsn") // want `a new sql.DB, from MustOpen, for every request that reaches Watch`
	defer db.Close()
	return db.Ping()
}

// What follows is none, for all we know.

func (s *server) Load(ctx context.Context, name string) (*reply, error) { // want Load:"makes a new sql.DB for each call"
	db := store.MustOpen("dsn")
	defer db.Close()
	return &reply{}, db.Ping()
}

func (s *server) Follow(r *request, in clientStream) error { // want Follow:"makes a new sql.DB for each call"
	db := store.MustOpen("dsn")
	defer db.Close()
	return db.Ping()
}

func get(ctx context.Context, r *request) (*reply, error) { // want get:"makes a new sql.DB for each call"
	db := store.MustOpen("dsn")
	defer db.Close()
	return &reply{}, db.Ping()
}
