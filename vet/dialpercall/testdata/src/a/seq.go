package a

import (
	"io"
	"iter"
	"net"
)

func seq(all iter.Seq[string]) error {
	for line := range all {
		conn, err := net.Dial("tcp", "log:514") // want `a new connection in every turn of a loop`
		if err != nil {
			return err
		}
		io.WriteString(conn, line)
		conn.Close()
	}
	return nil
}

func seqEach(all iter.Seq[string]) error {
	for addr := range all {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		io.WriteString(conn, "x")
		conn.Close()
	}
	return nil
}
