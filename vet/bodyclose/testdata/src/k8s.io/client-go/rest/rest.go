package rest

import "net/http"

type Config struct {
	WrapTransport func(http.RoundTripper) http.RoundTripper
}
