// Package peer dials for others.
package peer

import (
	"crypto/tls"
	"net"
	"time"
)

func Dial(addr string) (net.Conn, error) { // want Dial:"returns a new connection"
	return net.DialTimeout("tcp", addr, time.Second)
}

func MustDial() *tls.Conn { // want MustDial:"returns a new connection"
	conn, err := tls.Dial("tcp", "log:6514", nil)
	if err != nil {
		panic(err)
	}
	return conn
}

var kept net.Conn

// Kept is dialed once.
func Kept() net.Conn {
	if kept == nil {
		kept, _ = Dial("log:514")
	}
	return kept
}

// A Client has a connection, and is no connection.
type Client struct{ conn net.Conn }

func New() (*Client, error) {
	conn, err := Dial("log:514")
	return &Client{conn}, err
}

// Sometimes gives what it has.
func Sometimes(conn net.Conn) net.Conn {
	if conn != nil {
		return conn
	}
	conn, _ = Dial("log:514")
	return conn
}
