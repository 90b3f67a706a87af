package b

import (
	"net/http"
	"time"
)

// A Maker makes clients, each time.
type Maker interface {
	Make() *http.Client // want Make:"returns a new http.Transport"
}

type short struct{}

func (short) Make() *http.Client { // want Make:"returns a new http.Transport"
	return &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}
}

type long struct{}

func (*long) Make() *http.Client { // want Make:"returns a new http.Transport"
	return &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Hour}}
}

// A Haver has one, or makes some: who knows.
type Haver interface{ Client() *http.Client }

type haver struct{ c *http.Client }

func (h *haver) Client() *http.Client { return h.c }

type maker struct{}

func (maker) Client() *http.Client { // want Client:"returns a new http.Transport"
	return &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}
}

var theMaker Maker = short{}

func ByVariable(url string) {
	theMaker.Make().Get(url) // want `a new http.Transport, from Make, for every call of ByVariable`
}

func ByHaver(h Haver, url string) { h.Client().Get(url) }

// A named has its Maker's.
type named struct {
	Maker
	name string
}
