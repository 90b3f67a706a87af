package fakenet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestDialAndAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		accepted := make(chan *Conn)
		go func() {
			c, _ := l.AcceptConn()
			accepted <- c
		}()
		synctest.Wait()
		client := mustDial(t, l, "berth.test:80")
		server := <-accepted

		if client.RemoteAddr().String() != l.Addr().String() {
			t.Errorf("connected to %s, want %s", client.RemoteAddr(), l.Addr())
		}
		client.Write([]byte("hello"))
		client.CloseWrite()
		if got, err := io.ReadAll(server); string(got) != "hello" || err != nil {
			t.Errorf("received %q, %v", got, err)
		}
	})
}

// A dial does not wait for Accept, and the queue keeps its order.
func TestDialedBeforeAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		first, second := mustDial(t, l, "a.test:80"), mustDial(t, l, "b.test:80")
		for _, client := range []*Conn{first, second} {
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if server.RemoteAddr() != client.LocalAddr() {
				t.Errorf("accepted %s, want %s", server.RemoteAddr(), client.LocalAddr())
			}
		}
	})
}

func TestDialedAddress(t *testing.T) {
	l := Listen()
	client := mustDial(t, l, "198.51.100.7:443")
	if got := client.RemoteAddr().String(); got != "198.51.100.7:443" {
		t.Errorf("connected to %s", got)
	}
}

func TestBufferOfDialedConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		l.Buffer = 1
		client := mustDial(t, l, "berth.test:80")
		client.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := client.Write([]byte("ab")); n != 1 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d bytes into a buffer of 1: %v", n, err)
		}
	})
}

func TestListenerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		accepted := mustDial(t, l, "berth.test:80")
		server, _ := l.AcceptConn()
		queued := mustDial(t, l, "berth.test:80")
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}

		_, err := queued.Read(make([]byte, 1))
		wantErr(t, "read on a connection that was not accepted", err, syscall.ECONNRESET)
		_, err = l.Dial(t.Context(), "tcp", "berth.test:80")
		wantErr(t, "dial", err, syscall.ECONNREFUSED)
		_, err = l.Accept()
		wantErr(t, "accept", err, net.ErrClosed)
		wantErr(t, "second close", l.Close(), net.ErrClosed)

		server.Write([]byte("x"))
		if _, err := accepted.Read(make([]byte, 1)); err != nil {
			t.Errorf("read on an accepted connection: %v", err)
		}
	})
}

func TestCloseWakesAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		accept := start(func() error {
			_, err := l.Accept()
			return err
		})
		accept.wantBlocked(t)
		l.Close()
		accept.wantDone(t, net.ErrClosed)
	})
}

func TestDialTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		l.OnDial = func(ctx context.Context, network, addr string) error {
			if network != "tcp" || addr != "berth.test:80" {
				t.Errorf("OnDial is told %s %s", network, addr)
			}
			return Sleep(ctx, 150*time.Millisecond)
		}
		began := time.Now()
		mustDial(t, l, "berth.test:80")
		if took := time.Since(began); took != 150*time.Millisecond {
			t.Errorf("the dial took %s, want 150ms", took)
		}
	})
}

func TestDialCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		l.OnDial = func(ctx context.Context, _, _ string) error { return Sleep(ctx, time.Hour) }
		ctx, cancel := context.WithCancel(t.Context())
		dial := start(func() error {
			_, err := l.Dial(ctx, "tcp", "berth.test:80")
			return err
		})
		dial.wantBlocked(t)
		cancel()
		dial.wantDone(t, context.Canceled)

		_, err := l.Dial(ctx, "tcp", "berth.test:80")
		wantErr(t, "dial with a context that is done", err, context.Canceled)
	})
}

func TestDialFails(t *testing.T) {
	l := Listen()
	l.OnDial = func(context.Context, string, string) error { return syscall.EADDRNOTAVAIL }
	_, err := l.Dial(t.Context(), "tcp", "198.51.100.7:443")
	wantErr(t, "dial", err, syscall.EADDRNOTAVAIL)
	const want = "dial tcp 198.51.100.7:443: connect: cannot assign requested address"
	if err.Error() != want {
		t.Errorf("dial: %v, want %s", err, want)
	}

	own := &net.OpError{Op: "bind", Net: "tcp", Err: syscall.EADDRINUSE}
	l.OnDial = func(context.Context, string, string) error { return own }
	if _, err := l.Dial(t.Context(), "tcp", "berth.test:80"); err != own {
		t.Errorf("dial: %v, want OnDial's own *net.OpError", err)
	}
}

// The reason for the package: net/http's client and server, in a bubble.
func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			time.Sleep(time.Hour)
			w.Write(body)
		})}
		go server.Serve(l)
		defer server.Close()
		transport := &http.Transport{DialContext: l.Dial}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}

		for _, sent := range []string{"first", strings.Repeat("a second one", 10_000)} {
			resp, err := client.Post("http://berth.test/", "text/plain", strings.NewReader(sent))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != sent || err != nil {
				t.Errorf("received %d bytes of %d: %v", len(got), len(sent), err)
			}
		}
	})
}

func mustDial(t *testing.T, l *Listener, addr string) *Conn {
	t.Helper()
	c, err := l.Dial(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Conn)
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
	if e := (*net.OpError)(nil); !errors.As(err, &e) {
		t.Errorf("%s: %T, want a *net.OpError", what, err)
	}
}
