package redis

type Options struct {
	Addr, Password string
	DB             int
}

type Client struct{ o *Options }

func NewClient(o *Options) *Client { return &Client{o} }

func (c *Client) Get(key string) string { return "" }

func (c *Client) Close() error { return nil }
