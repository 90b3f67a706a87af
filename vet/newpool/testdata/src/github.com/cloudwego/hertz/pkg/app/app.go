// Package app has the type by which hertz's handlers are known.
package app

type RequestContext struct{}

func (*RequestContext) Query(key string) string { return "" }
