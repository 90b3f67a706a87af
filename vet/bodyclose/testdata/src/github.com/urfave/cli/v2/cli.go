package cli

type Context struct{}

type Command struct {
	Action func(c *Context) error
}
