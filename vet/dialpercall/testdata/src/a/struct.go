package a

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// A connection in a struct of its own call.
type proto struct {
	c       net.Conn
	r       *bufio.Reader
	timeout time.Duration
}

func (p *proto) cmd(text string) error {
	p.c.SetDeadline(time.Now().Add(p.timeout))
	_, err := fmt.Fprintf(p.c, "%s\r\n", text)
	return err
}

func (p *proto) banner() (string, error) {
	p.c.SetDeadline(time.Now().Add(p.timeout))
	return bufio.NewReader(p.c).ReadString('\n')
}

func (p *proto) close() { p.c.Close() }

func mails(w http.ResponseWriter, r *http.Request) {
	c, err := net.Dial("tcp", "mail:25") // want `a new connection for every request that reaches mails`
	if err != nil {
		return
	}
	p := proto{c: c, timeout: time.Second}
	defer p.close()
	p.cmd("EHLO me")
}

func mailsBy(w http.ResponseWriter, r *http.Request) {
	p := &proto{timeout: time.Second}
	var err error
	if p.c, err = net.Dial("tcp", "mail:25"); err != nil { // want `a new connection for every request that reaches mailsBy`
		return
	}
	defer p.close()
	func() { p.c.Write([]byte("QUIT\r\n")) }()
}

// It is only listened to.
func banners(w http.ResponseWriter, r *http.Request) {
	c, err := net.Dial("tcp", "mail:25")
	if err != nil {
		return
	}
	p := proto{c: c, timeout: time.Second}
	defer p.close()
	p.banner()
}

type pooled struct{ p *proto }

// Somebody has it.
func (s *pooled) serve(w http.ResponseWriter, r *http.Request) {
	c, err := net.Dial("tcp", "mail:25")
	if err != nil {
		return
	}
	p := &proto{c: c}
	s.p = p
	p.cmd("NOOP")
}

type base struct{ conn net.Conn }

type mailer struct{ base }

func (c *mailer) send(text string) { c.conn.Write([]byte(text)) }

func embeds(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "mail:25") // want `a new connection for every request that reaches embeds`
	if err != nil {
		return
	}
	defer conn.Close()
	c := mailer{base{conn}}
	c.send("NOOP")
}

func closes(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "mail:25")
	if err != nil {
		return
	}
	p := proto{c: conn}
	var c interface{ close() } = &p
	defer c.close()
	p.banner()
}

func eitherWay(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "mail:25")
	if err != nil {
		return
	}
	var p *proto
	if r.Method == "GET" {
		p = &proto{c: conn}
	} else {
		p = &proto{c: conn, timeout: time.Second}
	}
	defer p.close()
	p.banner()
}

// A link copies both ways.
type link struct{ a, b net.Conn }

func (l *link) join() {
	go pipe(l.a, l.b)
	pipe(l.b, l.a)
}

func pipe(to io.Writer, from io.Reader) { io.Copy(to, from) }

type listener struct{ client net.Conn }

func (s *listener) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "up:1")
	if err != nil {
		return
	}
	defer conn.Close()
	l := &link{a: s.client, b: conn}
	l.join()
}

// A list has no end.
type node struct {
	conn net.Conn
	next *node
}

func lists(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("tcp", "mail:25") // want `a new connection for every request that reaches lists`
	if err != nil {
		return
	}
	n := &node{conn: conn}
	for range 3 {
		n = &node{next: n}
		n.next.next = n
	}
	io.WriteString(n.next.conn, "x")
}
