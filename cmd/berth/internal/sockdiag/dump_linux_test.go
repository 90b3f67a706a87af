package sockdiag

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

func TestDumpFollowsAConnection(t *testing.T) {
	for address, family := range map[string]Family{"127.0.0.1:0": IPv4, "[::1]:0": IPv6} {
		t.Run(address, func(t *testing.T) {
			l := listen(t, address)
			server := addrOf(l.Addr())
			c, s := connect(t, l)
			client := addrOf(c.LocalAddr())

			got := dumpOne(t, client, Query{Family: family, States: sock.AllStates, RemotePort: server.Port()})
			if got.State != sock.Established || got.Local != client || got.Remote != server {
				t.Errorf("got %+v, want %s to %s, established", got, client, server)
			}
			if got.Inode == 0 || got.UID != uint32(os.Geteuid()) {
				t.Errorf("inode %d, uid %d; want an inode, and uid %d", got.Inode, got.UID, os.Geteuid())
			}
			if got := dumpOne(t, server, Query{Family: family, States: sock.AllStates, RemotePort: client.Port()}); got.Remote != client {
				t.Errorf("the accepted end goes to %s, want %s", got.Remote, client)
			}

			closeFirst(t, c, s)
			got = dumpOne(t, client, Query{Family: family, States: sock.SetOf(sock.TimeWait), RemotePort: server.Port()})
			if got.State != sock.TimeWait || got.Local != client || got.Remote != server {
				t.Errorf("got %+v, want %s to %s in time-wait", got, client, server)
			}
			if got.Expires <= 0 || got.Expires > time.Minute {
				t.Errorf("%v left in time-wait, want up to a minute", got.Expires)
			}
		})
	}
}

func TestDumpListeners(t *testing.T) {
	server := addrOf(listen(t, "127.0.0.1:0").Addr())
	found := 0
	err := Dump(Query{Family: IPv4, States: sock.SetOf(sock.Listen)}, func(s sock.Socket) {
		if s.State != sock.Listen || s.Remote.IsValid() {
			t.Errorf("got %+v, want listeners", s)
		}
		if s.Local == server {
			found++
		}
	})
	if err != nil || found != 1 {
		t.Errorf("found our listener %d times, %v", found, err)
	}
}

func TestDumpManyReceives(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	const n = 400 // at 96 bytes or more each, more than one receive brings
	for range n {
		connect(t, l)
	}
	seen := map[netip.AddrPort]bool{}
	q := Query{Family: IPv4, States: sock.SetOf(sock.Established), RemotePort: addrOf(l.Addr()).Port()}
	if err := Dump(q, func(s sock.Socket) { seen[s.Local] = true }); err != nil || len(seen) != n {
		t.Errorf("got %d connections, %v; want %d", len(seen), err, n)
	}
}

// TestReadAllocates holds the reader to what it says: nothing is allocated for a socket.
func TestReadAllocates(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	for range 200 {
		connect(t, l)
	}
	n := testing.AllocsPerRun(3, func() {
		r, err := Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		queries := []Query{{Family: IPv4, States: sock.AllStates}, {Family: IPv6, States: sock.AllStates}}
		if err := r.Read(queries, func() {}, func(sock.Socket) {}); err != nil {
			t.Fatal(err)
		}
	})
	if n > 15 {
		t.Errorf("%v allocations", n)
	}
}

func TestDumpInfo(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	c, s := connect(t, l)
	q := Query{Family: IPv4, States: sock.SetOf(sock.Established), RemotePort: addrOf(l.Addr()).Port(), Info: true}
	if got := dumpOne(t, addrOf(c.LocalAddr()), q); !got.Info || got.Sent != 0 || got.Idle() > time.Minute {
		t.Errorf("before anything was sent: %+v", got)
	}
	c.Write([]byte("one"))
	io.ReadFull(s, make([]byte, 3))
	if got := dumpOne(t, addrOf(c.LocalAddr()), q); got.Sent != 1 || got.Received != 0 {
		t.Errorf("%d segments out and %d in, want one and none", got.Sent, got.Received)
	}
	s.Write([]byte("two"))
	io.ReadFull(c, make([]byte, 3))
	if got := dumpOne(t, addrOf(c.LocalAddr()), q); got.Sent != 1 || got.Received != 1 {
		t.Errorf("%d segments out and %d in, want one each", got.Sent, got.Received)
	}
}

func TestDumpBound(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	var all, ours int
	err = Dump(Query{Family: IPv4, States: sock.SetOf(sock.Bound)}, func(s sock.Socket) {
		all++
		if s.State == sock.Bound && s.Local.Port() == uint16(sa.(*syscall.SockaddrInet4).Port) && !s.Remote.IsValid() {
			ours++
		}
	})
	if all == 0 && err == nil {
		t.Skip("this kernel does not tell of bound sockets (before 6.8)")
	}
	if ours != 1 || err != nil {
		t.Errorf("found ours %d times among %d, %v", ours, all, err)
	}
}

func TestDumpRefused(t *testing.T) {
	err := Dump(Query{Family: 255, States: sock.AllStates}, func(sock.Socket) { t.Error("visited") })
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		t.Errorf("got %v, want the kernel's errno", err)
	}
}

// dumpOne returns the one socket with that address of its own. Others may have to do with the port that the
// query names: this is the machine's namespace, and it has a past.
func dumpOne(t *testing.T, local netip.AddrPort, q Query) sock.Socket {
	t.Helper()
	var all []sock.Socket
	err := Dump(q, func(s sock.Socket) {
		if s.Local == local {
			all = append(all, s)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		t.Fatalf("got %d sockets, want one: %+v", len(all), all)
	}
	return all[0]
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip("cannot listen: ", err) // no IPv6 on this machine
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func connect(t *testing.T, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// closeFirst closes the connection at the client, and returns once the kernel has seen both ends close.
func closeFirst(t *testing.T, client, server net.Conn) {
	t.Helper()
	client.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, server)
	server.Close()
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("got %v, want the server's end", err)
	}
	client.Close()
}

func addrOf(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
