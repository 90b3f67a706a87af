package sockdiag

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/sock"
	"github.com/berth-go/berth/internal/netlab"
)

// TestCountsOfSS holds the dump against ss, in a namespace where nothing happens meanwhile, in every state that
// a socket stays in, over both families.
func TestCountsOfSS(t *testing.T) {
	ss, err := exec.LookPath("ss")
	if err != nil {
		t.Skip("there is no ss: apt-get install iproute2")
	}
	netlab.Run(t, netlab.Config{Sysctls: map[string]string{"net.ipv4.tcp_syncookies": "0"}}, func(t *testing.T) {
		for i, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			everyState(t, address, 3+2*i)
		}
		for family, flag := range map[Family]string{IPv4: "-4", IPv6: "-6", Both: "-t"} {
			want := countsOfSS(t, ss, flag)
			got := map[string]int{}
			if err := Dump(Query{Family: family, States: sock.AllStates}, func(s sock.Socket) { got[s.State.String()]++ }); err != nil {
				t.Fatal(err)
			}
			t.Logf("ss %s: %v", flag, want)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("ss %s: got %v, want %v", flag, got, want)
			}
			for _, s := range []sock.State{sock.Established, sock.SynSent, sock.SynRecv, sock.FinWait1, sock.FinWait2,
				sock.TimeWait, sock.CloseWait, sock.LastAck, sock.Listen} {
				if got[s.String()] == 0 {
					t.Errorf("ss %s: no socket in %v: the test did not make one", flag, s)
				}
			}
		}
	})
}

// countsOfSS counts by the first column of ss, in our words for the states. Older ones do not know bound sockets,
// and then there are none in the count of the kernel either.
func countsOfSS(t *testing.T, ss, family string) map[string]int {
	t.Helper()
	out, err := exec.Command(ss, "-H", "-tan", family).Output()
	if err != nil {
		t.Fatal(err)
	}
	bound, _ := exec.Command(ss, "-H", "-tn", family, "state", "bound-inactive").Output()
	words := map[string]string{"ESTAB": "established", "UNCONN": "bound", "BOUND-INACTIVE": "bound"}
	counts := map[string]int{}
	for line := range strings.Lines(string(out)) {
		state := strings.Fields(line)[0]
		word := words[state]
		if word == "" {
			word = strings.ToLower(state)
		}
		counts[word]++
	}
	if n := strings.Count(string(bound), "\n"); n > 0 {
		counts["bound"] = n
	}
	return counts
}

// everyState leaves n connections in each of the states, and more in some.
func everyState(t *testing.T, address string, n int) {
	t.Helper()
	l := listen(t, address)
	for range n {
		connect(t, l) // established, twice

		c, s := connect(t, l)
		closeFirst(t, c, s) // time-wait

		c, _ = connect(t, l)
		c.(*net.TCPConn).CloseWrite() // fin-wait-2 and close-wait

		c, _ = connect(t, l)
		fill(t, c)
		c.Close() // fin-wait-1: the FIN waits behind data that nobody reads

		c, s = connect(t, l)
		fill(t, s)
		c.(*net.TCPConn).CloseWrite()
		awaitClose(t, s)
		s.Close() // last-ack, likewise

		hang(t, l.Addr().(*net.TCPAddr), false)
		hang(t, l.Addr().(*net.TCPAddr), true)
	}
}

// fill writes until nothing more goes.
func fill(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	for {
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			return
		}
	}
}

// awaitClose waits for the peer's FIN.
func awaitClose(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("got %v, want the other end's", err)
	}
}

// hang makes a connection that hangs half-way: in syn-recv at a listener that waits for data (and established
// at its client), or in syn-sent at a listener whose queue is full.
func hang(t *testing.T, at *net.TCPAddr, full bool) {
	t.Helper()
	l := socketAt(t, at.IP)
	if !full {
		syscall.SetsockoptInt(l, syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, 60)
	}
	sa := sockaddr(at.IP, 0)
	if err := syscall.Bind(l, sa); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(l, 0); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	times := 1
	if full {
		times = 3 // a queue of none holds one, and the kernel drops the SYN of the next ones
	}
	for range times {
		c := socketAt(t, at.IP)
		syscall.SetNonblock(c, true)
		if err := syscall.Connect(c, bound); err != nil && err != syscall.EINPROGRESS {
			t.Fatal(err)
		}
	}
}

func socketAt(t *testing.T, ip net.IP) int {
	t.Helper()
	family := syscall.AF_INET
	if ip.To4() == nil {
		family = syscall.AF_INET6
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	return fd
}

func sockaddr(ip net.IP, port int) syscall.Sockaddr {
	if v4 := ip.To4(); v4 != nil {
		return &syscall.SockaddrInet4{Addr: [4]byte(v4), Port: port}
	}
	return &syscall.SockaddrInet6{Addr: [16]byte(ip), Port: port}
}

// TestReadAgain plays a kernel that interrupts the first dump.
func TestReadAgain(t *testing.T) {
	for _, tt := range []struct {
		interrupted int
		begins      int
		fails       bool
	}{{0, 1, false}, {1, 2, false}, {attempts, attempts, true}} {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		r := &Reader{fd: pair[0], buf: make([]byte, bufferLen)}
		for i := range attempts {
			b := appendSocket(nil, IPv4, sock.Socket{State: sock.TimeWait})
			if i < tt.interrupted {
				native.PutUint16(b[6:], flagBroken)
			}
			syscall.Write(pair[1], b)
			syscall.Write(pair[1], appendMessage(nil, typeDone, nil))
		}
		begins, visited := 0, 0
		err = r.Read([]Query{{Family: IPv4, States: sock.AllStates}}, func() { begins++; visited = 0 }, func(sock.Socket) { visited++ })
		if begins != tt.begins || visited != 1 || (err != nil) != tt.fails {
			t.Errorf("%d interrupted: %d attempts, %d sockets, %v", tt.interrupted, begins, visited, err)
		}
		r.Close()
		syscall.Close(pair[1])
	}
}
