// Package http3 is a Transport over QUIC, as far as its name goes.
package http3

import "net/http"

type Transport struct{ over http.Transport }

func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) { return t.over.RoundTrip(r) }
