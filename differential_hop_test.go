package berth_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A hop is how the client gets to the host. The server plays both: the proxy
// first, then the host behind it.
type hop int

const (
	direct    hop = iota
	forwarded     // an HTTP proxy is asked for each URL
	tunnelled     // an HTTP proxy is asked for a connection: CONNECT
	socks         // a SOCKS proxy is asked for one
)

func (s script) hop() hop {
	switch k := s.knobs; {
	case k.any(viaSOCKS):
		return socks
	case k.any(viaProxy) && k.any(overTLS):
		return tunnelled
	case k.any(viaProxy):
		return forwarded
	}
	return direct
}

// proxy is the proxy's URL. It has no port, so that each scheme's own is used.
func (s script) proxy() *url.URL {
	u := &url.URL{Scheme: "http", Host: "proxy.test"}
	switch h := s.hop(); {
	case h == direct:
		return nil
	case h == socks:
		u.Scheme = "socks5"
	case s.proxyOverTLS():
		u.Scheme = "https"
	}
	if s.knobs.any(proxyUser) {
		u.User = url.UserPassword("us er", "p:ass/wörd")
	}
	return u
}

func (s script) proxyOverTLS() bool {
	return s.knobs.any(proxyTLS) && (s.hop() == forwarded || s.hop() == tunnelled)
}

// scriptsHop reports whether the script is what the proxy answers before there
// is a way to the host. If it makes one, request 1 is answered with afterHop.
func (s script) scriptsHop() bool {
	return s.knobs.any(hopScript) && (s.hop() == tunnelled || s.hop() == socks)
}

var afterHop = []piece{{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false}}

// hopComplete is complete for what a proxy answers: its client, too, must get
// on or fail without a byte behind it.
func (s script) hopComplete() bool {
	if s.hop() == socks {
		_, complete := s.socksReplies()
		return complete
	}
	behind := &tripwire{}
	r := bufio.NewReader(io.MultiReader(strings.NewReader(s.response), behind))
	http.ReadResponse(r, &http.Request{Method: http.MethodConnect}) // a body is not read
	return !behind.touched
}

// socksReplies are the script's answers to each of a SOCKS client's messages,
// and whether the last one is whole. It does not matter here whether a client
// likes them: one that does not will be gone.
func (s script) socksReplies() (replies []string, complete bool) {
	rest := s.response
	next := func(n int) bool {
		n = min(n, len(rest))
		replies = append(replies, rest[:n])
		rest = rest[n:]
		return n == 2
	}
	if !next(2) {
		return replies, false
	}
	if s.logsIn(replies[0]) && !next(2) {
		return replies, false
	}
	n, complete := socksReplyLen(rest)
	if s.knobs.any(overTLS) {
		n = len(rest) // what is behind the reply is the host's, who must be asked first
	}
	next(n)
	return replies, complete
}

// logsIn reports whether a client that has a password gives it after the answer
// to its first message.
func (s script) logsIn(answer string) bool {
	return s.knobs.any(proxyUser) && answer[1] == 2
}

// wantsUnoffered reports whether a SOCKS proxy of the script wants to be
// authenticated in a way that it was not offered, where it was offered none.
func (s script) wantsUnoffered() bool {
	answer := s.response
	return s.scriptsHop() && s.hop() == socks && !s.knobs.any(proxyUser) &&
		len(answer) >= 2 && answer[0] == 5 && answer[1] != 0 && answer[1] != 0xff
}

// socksReplyLen returns the length of the reply to a SOCKS request that reply
// begins with, and whether it is whole, or refuses in what there is.
func socksReplyLen(reply string) (n int, complete bool) {
	switch {
	case len(reply) < 4:
		return len(reply), false
	case reply[0] != 5 || reply[1] != 0 || reply[2] != 0:
		return len(reply), true
	}
	switch reply[3] {
	case 1:
		n = 4 + 4 + 2
	case 3:
		if len(reply) == 4 {
			return 4, false
		}
		n = 4 + 1 + int(reply[4]) + 2
	case 4:
		n = 4 + 16 + 2
	default:
		return len(reply), true
	}
	return min(n, len(reply)), len(reply) >= n
}

// pass has connection n pass the proxy, if there is one. It returns false where
// that ends the connection.
func (s *scriptedServer) pass(c *serverConn, n int) bool {
	if s.script.proxyOverTLS() {
		c.secure()
	}
	scripted := n == 0 && s.script.scriptsHop()
	ok := true
	switch s.script.hop() {
	case tunnelled:
		ok = s.tunnel(c, scripted)
	case socks:
		ok = s.socks(c, scripted)
	}
	if s.script.knobs.any(overTLS) {
		c.secure()
	}
	return ok
}

func (s *scriptedServer) tunnel(c *serverConn, scripted bool) bool {
	var heard bytes.Buffer
	_, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &heard)))
	s.note(func() { s.hops = append(s.hops, sorted(heard.String())) })
	switch {
	case err != nil:
		return false
	case scripted:
		return s.playHop(c, s.script.pieces())
	}
	io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	return true
}

// playHop plays the end of a script that is a proxy's.
func (s *scriptedServer) playHop(c *serverConn, pieces []piece) bool {
	e := s.script.ending()
	c.play(pieces, e)
	c.end(e)
	if e == keeps && !s.script.knobs.any(stall) {
		return true
	}
	s.play()
	io.Copy(io.Discard, c.below.TCPConn) // the client may still write, and must not be reset
	return false
}

func (s *scriptedServer) socks(c *serverConn, scripted bool) bool {
	replies := []string{"\x05\x00", "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"}
	if s.script.knobs.any(proxyUser) {
		replies = []string{"\x05\x02", "\x01\x00", replies[1]}
	}
	if scripted {
		replies, _ = s.script.socksReplies()
	}
	var heard bytes.Buffer
	r := io.TeeReader(c, &heard)
	entry := -1
	read := readSOCKSGreeting
	for i, reply := range replies {
		if read(r) != nil {
			return false
		}
		s.note(func() {
			if entry < 0 {
				entry = len(s.hops)
				s.hops = append(s.hops, "")
			}
			s.hops[entry] = heard.String()
		})
		read = readSOCKSRequest
		if i == 0 && len(reply) == 2 && s.script.logsIn(reply) {
			read = readSOCKSPassword
		}
		if i == len(replies)-1 && scripted {
			last := s.script
			last.response = reply
			return s.playHop(c, last.pieces())
		}
		io.WriteString(c, reply)
	}
	return true
}

func readSOCKSGreeting(r io.Reader) error {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, r, int64(b[1]))
	return err
}

func readSOCKSPassword(r io.Reader) error {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, r, int64(b[1])); err != nil {
		return err
	}
	if _, err := io.ReadFull(r, b[:1]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, r, int64(b[0]))
	return err
}

func readSOCKSRequest(r io.Reader) error {
	var b [5]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return err
	}
	length := map[byte]int64{1: 4, 3: int64(b[4]) + 1, 4: 16}[b[3]]
	if length == 0 {
		return errors.New("unknown type of address")
	}
	_, err := io.CopyN(io.Discard, r, length-1+2)
	return err
}

// connectAnswered is the transport's OnProxyConnectResponse.
func (s *scriptedServer) connectAnswered(_ context.Context, proxy *url.URL, req *http.Request, resp *http.Response) error {
	said := fmt.Sprintf("%s to %s %s: %s, length %d, %v", proxy.Redacted(), req.Method, req.Host, resp.Status, resp.ContentLength, resp.Header)
	s.note(func() { s.answers = append(s.answers, said) })
	return nil
}

// converse is what the server does behind a 101: it hears the client out, and
// says so.
func (s *scriptedServer) converse(c *serverConn, r io.Reader) {
	c.below.flush()
	c.below.SetReadDeadline(time.Now().Add(hangTimeout)) // for one that does not end its side
	said, _ := io.ReadAll(r)
	s.note(func() { s.switched = string(said) })
	c.below.hold = true
	fmt.Fprintf(c, "you said %q", said)
}
