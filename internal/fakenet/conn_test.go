package fakenet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// scripts are what two ends can do to each other without having to wait. Each
// runs on a fakenet connection and on a TCP connection, and must say the same.
var scripts = []struct {
	name string
	run  func(say func(string, ...any), a, b testConn)
}{
	{"bytes both ways", func(say func(string, ...any), a, b testConn) {
		say(send(a, "ping"))
		say(receive(b, 4))
		say(send(b, "pong"))
		say(receive(a, 4))
	}},
	{"half close", func(say func(string, ...any), a, b testConn) {
		say(send(a, "last"))
		say("close write: %s", cause(a.CloseWrite()))
		say(receive(b, 4))
		say(receive(b, 1))
		say(send(b, "still"))
		say(receive(a, 5))
		say(send(a, "too late"))
	}},
	{"close", func(say func(string, ...any), a, b testConn) {
		say(send(a, "bye"))
		say("close: %s", cause(a.Close()))
		say(receive(b, 3))
		say(receive(b, 1))
		say(sendUntilError(b))
		say(receive(b, 1))
	}},
	{"close with unread bytes resets", func(say func(string, ...any), a, b testConn) {
		say(send(a, "answer"))
		say(send(b, "never read"))
		say("close: %s", cause(a.Close()))
		say(receive(b, 6))
		say(receive(b, 1))
	}},
	{"reset", func(say func(string, ...any), a, b testConn) {
		say(send(a, "before"))
		say("reset: %s", cause(a.Reset()))
		say(receive(b, 6))
		say(receive(b, 1))
	}},
	{"after its own close", func(say func(string, ...any), a, b testConn) {
		say("close: %s", cause(a.Close()))
		say(receive(a, 1))
		say(send(a, "x"))
		say("close write: %s", cause(a.CloseWrite()))
		say("deadline: %s", cause(a.SetDeadline(time.Now())))
		say("read deadline: %s", cause(a.SetReadDeadline(time.Now())))
		say("write deadline: %s", cause(a.SetWriteDeadline(time.Now())))
		say("close again: %s", cause(a.Close()))
	}},
	{"a passed deadline comes before bytes", func(say func(string, ...any), a, b testConn) {
		say(send(a, "here"))
		b.SetReadDeadline(time.Now().Add(-time.Second))
		say(receive(b, 4))
		say(send(b, "writes go on"))
		b.SetReadDeadline(time.Time{})
		say(receive(b, 4))
	}},
	{"a passed write deadline", func(say func(string, ...any), a, b testConn) {
		a.SetWriteDeadline(time.Now().Add(-time.Second))
		say(send(a, "no"))
		a.SetDeadline(time.Time{})
		say(send(a, "yes"))
		say(receive(b, 3))
	}},
	{"nothing to read or write", func(say func(string, ...any), a, b testConn) {
		say(receive(a, 0))
		say(send(a, ""))
		a.Close()
		say(receive(a, 0))
		say(send(a, ""))
	}},
}

// testConn is what scripts need of a connection, fake or real.
type testConn interface {
	net.Conn
	CloseWrite() error
	Reset() error
}

type tcpConn struct{ *net.TCPConn }

func (c tcpConn) Reset() error {
	c.SetLinger(0)
	return c.Close()
}

func TestLikeTCP(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("fakenet follows Linux where systems differ: what survives a reset")
	}
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			real := listen(s.run, tcpPair(t))
			var fake []string
			synctest.Test(t, func(t *testing.T) {
				client, server := Pipe(0)
				fake = listen(s.run, [2]testConn{client, server})
			})
			for i := range real {
				if fake[i] != real[i] {
					t.Errorf("step %d:\nfake %s\ntcp  %s", i, fake[i], real[i])
				}
			}
		})
	}
}

func listen(run func(func(string, ...any), testConn, testConn), ends [2]testConn) (said []string) {
	run(func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }, ends[0], ends[1])
	return said
}

func tcpPair(t *testing.T) [2]testConn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ends := [2]testConn{tcpConn{client.(*net.TCPConn)}, tcpConn{server.(*net.TCPConn)}}
	for _, c := range ends {
		t.Cleanup(func() { c.Reset() }) // no TIME_WAIT
	}
	return ends
}

func send(c testConn, s string) string {
	n, err := c.Write([]byte(s))
	return fmt.Sprintf("sent %d of %q: %s", n, s, cause(err))
}

// receive reads n bytes, or once if n is less than 2.
func receive(c testConn, n int) string {
	buf := make([]byte, n)
	n, err := io.ReadAtLeast(c, buf, n)
	return fmt.Sprintf("received %q: %s", buf[:n], cause(err))
}

// sendUntilError leaves a real connection the time in which a reset comes back.
func sendUntilError(c testConn) string {
	for range 10_000 {
		if _, err := c.Write([]byte("x")); err != nil {
			return "sent until " + cause(err)
		}
		runtime.Gosched()
	}
	return "sent for ever"
}

// cause is what a program can tell of an error without reading its text.
func cause(err error) string {
	if err == nil || err == io.EOF {
		return fmt.Sprint(err)
	}
	s := fmt.Sprintf("%T", err)
	if e := (*net.OpError)(nil); errors.As(err, &e) {
		s += fmt.Sprintf(" %s %s timeout=%t temporary=%t", e.Op, e.Net, e.Timeout(), e.Temporary())
		if e.Source == nil || e.Addr == nil {
			s += " without addresses"
		}
	}
	if e := (*os.SyscallError)(nil); errors.As(err, &e) {
		s += " by " + e.Syscall
	}
	for _, is := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, os.ErrDeadlineExceeded, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, is) {
			s += ": " + is.Error()
		}
	}
	return s
}

func TestReadWaitsForBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(0)
		read := start(func() error {
			_, err := io.ReadFull(client, make([]byte, 5))
			return err
		})
		read.wantBlocked(t)
		server.Write([]byte("hel"))
		read.wantBlocked(t)
		server.Write([]byte("lo"))
		read.wantDone(t, nil)
	})
}

func TestWriteWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(4)
		want := []byte("0123456789")
		write := start(func() error {
			_, err := client.Write(want)
			return err
		})
		var got []byte
		for len(got) < 8 {
			write.wantBlocked(t)
			part := make([]byte, 4)
			n, _ := server.Read(part)
			got = append(got, part[:n]...)
		}
		write.wantDone(t, nil)
		rest := make([]byte, 4)
		n, _ := server.Read(rest)
		if got = append(got, rest[:n]...); !bytes.Equal(got, want) {
			t.Errorf("received %q, sent %q", got, want)
		}
	})
}

func TestBufferWithoutLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(0)
		sent := bytes.Repeat([]byte("berth"), 1<<20)
		client.Write(sent) // a bubble with nobody awake would fail the test
		client.CloseWrite()
		if got, err := io.ReadAll(server); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("received %d bytes of %d: %v", len(got), len(sent), err)
		}
	})
}

func TestWritesDoNotMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(3)
		var writers sync.WaitGroup
		for _, b := range []byte("abc") {
			writers.Go(func() { client.Write(bytes.Repeat([]byte{b}, 10)) })
		}
		go func() {
			writers.Wait()
			client.Close()
		}()
		got, _ := io.ReadAll(server)
		for i := 0; i+10 <= len(got); i += 10 {
			if !bytes.Equal(got[i:i+10], bytes.Repeat(got[i:i+1], 10)) {
				t.Errorf("a write is torn: %q", got)
			}
		}
		if len(got) != 30 {
			t.Errorf("received %d bytes of 30", len(got))
		}
	})
}

// What one end does while the other, or itself, is blocked.
func TestWakes(t *testing.T) {
	read := func(client, _ *Conn) error {
		_, err := client.Read(make([]byte, 1))
		return err
	}
	write := func(client, _ *Conn) error {
		_, err := client.Write(make([]byte, 2))
		return err
	}
	for _, tt := range []struct {
		name    string
		blocked func(client, server *Conn) error
		then    func(client, server *Conn)
		want    error
	}{
		{"read, peer closes", read, func(_, s *Conn) { s.Close() }, io.EOF},
		{"read, peer half-closes", read, func(_, s *Conn) { s.CloseWrite() }, io.EOF},
		{"read, peer resets", read, func(_, s *Conn) { s.Reset() }, syscall.ECONNRESET},
		{"read, own close", read, func(c, _ *Conn) { c.Close() }, net.ErrClosed},
		{"read, own reset", read, func(c, _ *Conn) { c.Reset() }, net.ErrClosed},
		{"read, deadline set to now", read, func(c, _ *Conn) { c.SetReadDeadline(time.Now()) }, os.ErrDeadlineExceeded},
		{"read, both deadlines set to now", read, func(c, _ *Conn) { c.SetDeadline(time.Now()) }, os.ErrDeadlineExceeded},
		{"write, peer closes with unread bytes", write, func(_, s *Conn) { s.Close() }, syscall.ECONNRESET},
		{"write, peer resets", write, func(_, s *Conn) { s.Reset() }, syscall.ECONNRESET},
		{"write, own close", write, func(c, _ *Conn) { c.Close() }, net.ErrClosed},
		{"write, own half-close", write, func(c, _ *Conn) { c.CloseWrite() }, syscall.EPIPE},
		{"write, deadline set to now", write, func(c, _ *Conn) { c.SetWriteDeadline(time.Now()) }, os.ErrDeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := Pipe(1)
				blocked := start(func() error { return tt.blocked(client, server) })
				blocked.wantBlocked(t)
				tt.then(client, server)
				blocked.wantDone(t, tt.want)
			})
		})
	}
}

func TestResetLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(0)
		server.Reset()
		for range 2 {
			if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read after a reset: %v", err)
			}
			if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("write after a reset: %v", err)
			}
		}
	})
}

func TestDeadlinesFollowTheBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := Pipe(1)
		began := time.Now()
		client.SetDeadline(began.Add(time.Hour))
		client.SetReadDeadline(began.Add(time.Minute)) // replaces the first

		_, err := client.Read(make([]byte, 1))
		wantTimeout(t, "read", err, began.Add(time.Minute))
		_, err = client.Write(make([]byte, 2))
		wantTimeout(t, "write", err, began.Add(time.Hour))
	})
}

func wantTimeout(t *testing.T, what string, err error, at time.Time) {
	t.Helper()
	var timeout net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%s: %v, want a timeout", what, err)
	}
	if now := time.Now(); !now.Equal(at) {
		t.Errorf("%s: timed out %s off", what, now.Sub(at))
	}
}

func TestDeadlineTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(0)
		client.SetReadDeadline(time.Now().Add(time.Second))
		read := start(func() error {
			_, err := client.Read(make([]byte, 1))
			return err
		})
		read.wantBlocked(t)
		client.SetReadDeadline(time.Time{})
		time.Sleep(time.Minute)
		read.wantBlocked(t)
		server.Write([]byte("x"))
		read.wantDone(t, nil)
	})
}

func TestPipeAddresses(t *testing.T) {
	client, server := Pipe(0)
	if client.LocalAddr() != server.RemoteAddr() || client.RemoteAddr() != server.LocalAddr() {
		t.Error("the ends disagree about their addresses")
	}
	local, remote := client.LocalAddr().(*net.TCPAddr), client.RemoteAddr().(*net.TCPAddr)
	if local.Port == remote.Port {
		t.Errorf("both ends have port %d", local.Port)
	}
}

func TestNoDescriptor(t *testing.T) {
	client, _ := Pipe(0)
	if _, ok := any(client).(syscall.Conn); ok {
		t.Error("a Conn has a SyscallConn: nothing stands behind it")
	}
}

// A running is a call that may be blocked in the bubble.
type running struct{ result chan error }

func start(f func() error) running {
	r := running{make(chan error, 1)}
	go func() { r.result <- f() }()
	return r
}

func (r running) wantBlocked(t *testing.T) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-r.result:
		t.Fatalf("returned %v, want it blocked", err)
	default:
	}
}

func (r running) wantDone(t *testing.T, want error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-r.result:
		if !errors.Is(err, want) {
			t.Errorf("returned %v, want %v", err, want)
		}
	default:
		t.Fatalf("is blocked, want %v", want)
	}
}
