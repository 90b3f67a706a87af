//go:build never

package fix

var elsewhereTransport int
