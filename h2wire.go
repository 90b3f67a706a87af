package berth

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"sync/atomic"
	"time"
)

// h2wire is the connection that net/http's HTTP/2 reads and writes. It listens
// to what the server says of the connection itself, which http.ClientConn does
// not tell: that it takes no more requests (GOAWAY), and how many at once
// (SETTINGS).
type h2wire struct {
	net.Conn
	c      *conn
	frames h2frames

	closed atomic.Bool

	goAway  func()
	ended   func()      // net/http has given the connection up, or we have
	streams func(n int) // how many the server allows from now on
}

// Read tells of a limit when the next Read begins: by then net/http has taken
// note of it too. GOAWAY is told at once, so that no request runs into it.
func (w *h2wire) Read(p []byte) (int, error) {
	if n, ok := w.frames.limit(); ok {
		w.streams(n)
	}
	n, err := w.Conn.Read(p)
	w.c.in.Add(int64(n))
	if w.frames.feed(p[:n]) {
		w.goAway()
	}
	return n, err
}

func (w *h2wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.c.out.Add(int64(n))
	return n, err
}

// Close is called by the pool and by net/http, whoever is first to know. It gives
// TLS a moment for its farewell, which a dead server may never take.
func (w *h2wire) Close() error {
	if !w.closed.CompareAndSwap(false, true) {
		return nil
	}
	w.ended() // before TLS takes its time
	if tc, ok := w.Conn.(*tls.Conn); ok {
		defer time.AfterFunc(farewell, func() { tc.NetConn().Close() }).Stop()
	}
	return w.Conn.Close()
}

const farewell = 250 * time.Millisecond // net/http's figure

// h2frames reads over the frames of one direction of HTTP/2 (RFC 9113, section
// 4.1), however they are cut. Those that are malformed are net/http's to refuse.
type h2frames struct {
	head [9]byte
	have int // of head
	left int // of the frame's payload

	entry   [6]byte // of a SETTINGS frame
	filled  int     // of entry
	settled bool    // a SETTINGS frame was read to its end

	given   int  // the limit of streams in the frame at hand; negative for none
	streams int  // the last one
	changed bool // and it is to be told
}

const (
	h2Settings = 4
	h2GoAway   = 7
	h2Ack      = 1

	h2MaxStreams = 3 // SETTINGS_MAX_CONCURRENT_STREAMS

	// defaultStreams is how many net/http makes of a server that does not say.
	defaultStreams = 1000
)

// feed reads on. It reports whether a GOAWAY began.
func (f *h2frames) feed(p []byte) (goAway bool) {
	for len(p) > 0 {
		if f.have < len(f.head) {
			n := copy(f.head[f.have:], p)
			f.have += n
			p = p[n:]
			if f.have < len(f.head) {
				return goAway
			}
			f.filled, f.given = 0, -1
			f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
			goAway = goAway || f.head[3] == h2GoAway
		}
		n := min(f.left, len(p))
		if f.isSettings() {
			f.settings(p[:n])
		}
		p = p[n:]
		if f.left -= n; f.left == 0 {
			f.end()
		}
	}
	return goAway
}

func (f *h2frames) isSettings() bool { return f.head[3] == h2Settings && f.head[4]&h2Ack == 0 }

func (f *h2frames) settings(p []byte) {
	for len(p) > 0 {
		n := copy(f.entry[f.filled:], p)
		f.filled += n
		p = p[n:]
		if f.filled < len(f.entry) {
			return
		}
		f.filled = 0
		if binary.BigEndian.Uint16(f.entry[:]) == h2MaxStreams {
			f.given = int(min(binary.BigEndian.Uint32(f.entry[2:]), manyStreams))
		}
	}
}

// end ends a frame.
func (f *h2frames) end() {
	f.have = 0
	if !f.isSettings() {
		return
	}
	if !f.settled && f.given < 0 {
		f.given = defaultStreams
	}
	f.settled = true
	if f.given >= 0 {
		f.streams, f.changed = f.given, true
	}
}

// limit returns how many streams the server allows, and whether that was said
// since limit was last called.
func (f *h2frames) limit() (n int, changed bool) {
	n, changed = f.streams, f.changed
	f.changed = false
	return n, changed
}
