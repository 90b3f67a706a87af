// Package gin has the type by which its handlers are known.
package gin

type Context struct{}

func (*Context) JSON(code int, v any) {}

func (*Context) Query(key string) string { return "" }

func (*Context) Cookie(name string) (string, error) { return "", nil }
