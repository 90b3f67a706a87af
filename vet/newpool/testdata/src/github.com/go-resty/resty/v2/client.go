// Package resty has a client that a method gives another pool.
package resty

import "net/http"

type Client struct{ transport http.RoundTripper }

func New() *Client { return &Client{} }

func (c *Client) SetTransport(t http.RoundTripper) *Client { c.transport = t; return c }

func (c *Client) SetClient(hc *http.Client) *Client { c.transport = hc.Transport; return c }

func (c *Client) EnableTrace() *Client { return c }

func (c *Client) SetBaseURL(url string) *Client { return c }

func (*Client) Get(url string) error { return nil }
