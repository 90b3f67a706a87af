package census

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
	"github.com/berth-go/berth/internal/netlab"
)

// hundred is a namespace of a hundred ports, in which no port comes back within a minute.
var hundred = netlab.Config{Range: netlab.Range{Lo: 33000, Hi: 33099}}

// A site is a server beyond the range, with all the connections that it accepted.
type site struct {
	t        *testing.T
	listener net.Listener
	addr     netip.AddrPort
}

func serve(t *testing.T, address string) *site {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &site{t, l, netip.MustParseAddrPort(l.Addr().String())}
}

// open connects, by a dialer if there is one, and returns both ends.
func (s *site) open(d net.Dialer) (client, server net.Conn, err error) {
	client, err = d.Dial("tcp", s.addr.String())
	if err != nil {
		return nil, nil, err
	}
	s.t.Cleanup(func() { client.Close() })
	server, err = s.listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { server.Close() })
	return client, server, nil
}

func (s *site) mustOpen(d net.Dialer) (client, server net.Conn) {
	s.t.Helper()
	client, server, err := s.open(d)
	if err != nil {
		s.t.Fatal(err)
	}
	return client, server
}

// leave opens and closes a connection: a TIME_WAIT for whoever is first. It returns once both ends have closed.
func (s *site) leave(d net.Dialer) error {
	client, server, err := s.open(d)
	if err != nil {
		return err
	}
	finish(client, server)
	return nil
}

func finish(first, second net.Conn) {
	first.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, second)
	second.Close()
	io.Copy(io.Discard, first)
	first.Close()
}

func look1(t *testing.T, o Options) *ports.Table {
	t.Helper()
	table, err := Take(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// to returns the destination, or a zero one.
func to(table *ports.Table, addr netip.AddrPort) ports.Destination {
	for _, d := range table.Destinations {
		if d.Destination == addr {
			return d
		}
	}
	return ports.Destination{}
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestUntilTheWall holds the budget against the kernel: it says how many connects are left, and so many are.
func TestUntilTheWall(t *testing.T) {
	cfg := hundred
	cfg.Sysctls = map[string]string{"net.ipv4.ip_local_reserved_ports": "33000-33009,50000"}
	for name, address := range map[string]string{"IPv4": "127.0.0.1:8080", "IPv6": "[::1]:8080"} {
		t.Run(name, func(t *testing.T) { untilTheWall(t, cfg, address) })
	}
}

func untilTheWall(t *testing.T, cfg netlab.Config, address string) {
	netlab.Run(t, cfg, func(t *testing.T) {
		s := serve(t, address)
		serve(t, "127.0.0.1:33050") // in the range: the port is lost
		for range 30 {
			if err := s.leave(net.Dialer{}); err != nil {
				t.Fatal(err)
			}
		}
		s.mustOpen(net.Dialer{})
		table := look1(t, Options{})
		ns, d := table.Namespaces[0], to(table, s.addr)
		want(t, "size", ns.Size(), 90)
		want(t, "listeners", ns.Listeners, 1)
		want(t, "bound", ns.BoundPorts, 1)
		want(t, "budget", d.Budget, 89)
		want(t, "held", d.Held, 31)
		want(t, "time-wait", d.States[sock.TimeWait], 30)
		want(t, "accepted", d.Accepted, 1)
		want(t, "destinations", len(table.Destinations), 1)
		left := 0
		for s.leave(net.Dialer{}) == nil {
			left++
		}
		want(t, "left, as the kernel sees it", left, d.Free)
		d = to(look1(t, Options{}), s.addr)
		want(t, "free at the wall", d.Free, 0)
		want(t, "exhausted in", d.ExhaustedIn, 0)
	})
}

func TestFirstHalf(t *testing.T) {
	netlab.Run(t, hundred, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		for i := range 50 {
			if got := to(look1(t, Options{}), s.addr).FirstHalfFree; i > 0 && got != 50-i {
				t.Fatalf("after %d connections %d are free in the first half", i, got)
			}
			s.mustOpen(net.Dialer{})
		}
		d := to(look1(t, Options{}), s.addr)
		want(t, "free in the first half", d.FirstHalfFree, 0)
		want(t, "free", d.Free, 50)
	})
}

// TestBoundDialers is the table of port-facts 2: what was bound before it connected is lost to everyone.
func TestBoundDialers(t *testing.T) {
	netlab.Run(t, hundred, func(t *testing.T) {
		a, b := serve(t, "127.0.0.1:8080"), serve(t, "127.0.0.1:8081")
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		for range 20 {
			a.mustOpen(from)
			if err := a.leave(from); err != nil { // its TIME_WAIT is lost to all, too
				t.Fatal(err)
			}
		}
		b.mustOpen(net.Dialer{})
		table := look1(t, Options{})
		ns := table.Namespaces[0]
		want(t, "bound", ns.BoundPorts, 40)
		want(t, "by dialers", ns.BoundByDialers, 40)
		want(t, "a's budget", to(table, a.addr).Budget, 100)
		want(t, "a's free", to(table, a.addr).Free, 60)
		d := to(table, b.addr)
		want(t, "b's budget", d.Budget, 60)
		left := 0
		for {
			if _, _, err := b.open(net.Dialer{}); err != nil {
				break
			}
			left++
		}
		want(t, "left for b, as the kernel sees it", left, d.Free)
		// Nothing is left of the probes.
		for _, d := range look1(t, Options{}).Destinations {
			if d.Destination != a.addr && d.Destination != b.addr {
				t.Errorf("a destination that is none: %v", d.Destination)
			}
		}
	})
}

// TestFullOfPlainOnes is what must not be taken for bound dialers: the same ports, all by connect.
func TestFullOfPlainOnes(t *testing.T) {
	netlab.Run(t, hundred, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		for range 100 {
			s.mustOpen(net.Dialer{})
		}
		table := look1(t, Options{})
		want(t, "by dialers", table.Namespaces[0].BoundByDialers, 0)
		want(t, "free", to(table, s.addr).Free, 0)
	})
}

// TestLent holds Reusable against the kernel, which lends on loopback after a delay.
func TestLent(t *testing.T) {
	cfg := hundred
	cfg.TWReuse = 2
	cfg.Sysctls = map[string]string{"net.ipv4.tcp_tw_reuse_delay": "100"}
	netlab.Run(t, cfg, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		for range 100 {
			if err := s.leave(net.Dialer{}); err != nil {
				t.Skip("the machine is too slow to fill a hundred ports in 100 ms") // or has no such delay
			}
		}
		deadline := time.Now().Add(5 * time.Second)
		for d := (ports.Destination{}); d.Free < 100; d = to(look1(t, Options{}), s.addr) {
			if time.Now().After(deadline) {
				t.Fatalf("still %d free, %d reusable of %d", d.Free, d.Reusable, d.Held)
			}
		}
		for i := range 50 {
			if err := s.leave(net.Dialer{}); err != nil {
				t.Fatalf("the %d-th was not lent: %v", i, err)
			}
		}
	})
}

func TestServerClosesFirst(t *testing.T) {
	netlab.Run(t, hundred, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		for range 30 {
			c, server := s.mustOpen(net.Dialer{})
			finish(server, c)
		}
		table := look1(t, Options{})
		n := table.Namespaces[0].TWCount
		if n < 20 || n > 30 { // a client that comes from the same port again revives one
			t.Errorf("%d in TIME_WAIT, want about 30", n)
		}
		want(t, "destinations", len(table.Destinations), 0)
		want(t, "of servers", table.Namespaces[0].TWServer, n)
		i := slices.IndexFunc(table.Services, func(v ports.Service) bool { return v.Local == s.addr })
		if i < 0 || table.Services[i].States[sock.TimeWait] != n {
			t.Errorf("services: %+v", table.Services)
		}
	})
}

func TestOwners(t *testing.T) {
	netlab.Run(t, hundred, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		for range 5 {
			s.mustOpen(net.Dialer{})
		}
		s.leave(net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}})
		table := look1(t, Options{PID: os.Getpid()})
		for _, d := range table.Destinations {
			if len(d.Owners) != 1 || d.Owners[0].PID != os.Getpid() || d.Owners[0].Command == "" || d.Unowned != 0 {
				t.Fatalf("from %v: %+v, %d unowned", d.Source, d.Owners, d.Unowned)
			}
			o := d.Owners[0]
			want(t, "sockets", o.Sockets, 5)
			want(t, "inferred", o.Inferred, d.Source == netip.MustParseAddr("127.0.0.9"))
			if o.Files < 12 || o.FileLimit < o.Files || len(o.Cmdline) < 2 {
				t.Errorf("owner: %+v", o)
			}
		}
		want(t, "destinations", len(table.Destinations), 2)
		bystander := exec.Command("sleep", "60")
		if err := bystander.Start(); err != nil {
			t.Fatal(err)
		}
		defer bystander.Wait()
		defer bystander.Process.Kill()
		want(t, "of another process", len(look1(t, Options{PID: bystander.Process.Pid}).Destinations), 0)
	})
}

func TestInfoOfALeak(t *testing.T) {
	netlab.Run(t, hundred, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		for range 20 {
			c, server := s.mustOpen(net.Dialer{})
			c.Write([]byte("GET"))
			io.ReadFull(server, make([]byte, 3))
			server.Write([]byte("200"))
			io.ReadFull(c, make([]byte, 3))
		}
		waiting, server := s.mustOpen(net.Dialer{})
		waiting.Write([]byte("GET"))
		io.ReadFull(server, make([]byte, 3))
		d := to(look1(t, Options{}), s.addr)
		want(t, "once, while they may be at work", d.Once, 0)
		time.Sleep(ports.OnceAfter + 100*time.Millisecond) // by the kernel's clock
		d = to(look1(t, Options{}), s.addr)
		want(t, "once", d.Once, 20)
		want(t, "idle", d.Idle, 0)
		want(t, "opened now", d.Opened[ports.Steps-1], 4.0)
	})
}

// TestInfoOff is where there are too many connections to ask what they carry: then that is said.
func TestInfoOff(t *testing.T) {
	if maxInfo < 250_000 {
		t.Errorf("no more than %d sockets are asked", maxInfo)
	}
	netlab.Run(t, hundred, func(t *testing.T) {
		defer func(n int) { maxInfo = n }(maxInfo)
		s := serve(t, "127.0.0.1:8080")
		s.mustOpen(net.Dialer{})
		want(t, "missing", len(look1(t, Options{PID: os.Getpid()}).Missing), 0)
		maxInfo = 1
		missing := look1(t, Options{PID: os.Getpid()}).Missing
		if len(missing) != 1 || !strings.Contains(missing[0], "no leak") {
			t.Errorf("missing: %q", missing)
		}
	})
}

// TestTimeWaitOfAProcess is one that closes each of its connections: nothing tells what it left from what
// others did.
func TestTimeWaitOfAProcess(t *testing.T) {
	netlab.Run(t, hundred, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		for range 20 {
			if err := s.leave(net.Dialer{}); err != nil {
				t.Fatal(err)
			}
		}
		table := look1(t, Options{PID: os.Getpid()})
		want(t, "held", to(table, s.addr).Held, 20)
		if len(table.Missing) != 1 || !strings.Contains(table.Missing[0], "TIME_WAIT has no owner") {
			t.Errorf("missing: %q", table.Missing)
		}
		client, _ := s.mustOpen(net.Dialer{})
		table = look1(t, Options{PID: os.Getpid()})
		want(t, "with a live one", to(table, s.addr).Held, 21)
		want(t, "missing", len(table.Missing), 0)
		client.Close()
	})
}

// TestHiddenProcess asks as nobody for a process of root's.
func TestHiddenProcess(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become nobody")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: nobody else should run as nobody
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), 65534, ^uintptr(0)); errno != 0 {
			done <- errno
			return
		}
		_, err := Take(context.Background(), Options{PID: 1})
		done <- err
	}()
	if err := <-done; !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want no permission", err)
	}
}

// TestNamespace looks from one namespace into another, that of a process, by its number and among all.
func TestNamespace(t *testing.T) {
	netlab.Run(t, hundred, func(t *testing.T) {
		runtime.LockOSThread() // Pdeathsig is about the thread, and those that looked elsewhere end
		defer runtime.UnlockOSThread()
		child := exec.Command("sleep", "60")
		child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		defer child.Wait()
		defer child.Process.Kill()
		pid := strconv.Itoa(child.Process.Pid)
		want(t, "by the name that is printed", look1(t, Options{Namespace: "pid " + pid}).Namespaces[0].Name, "pid "+pid)
		table := look1(t, Options{Namespace: pid})
		if len(table.Namespaces) != 1 || table.Namespaces[0].Name != "pid "+pid || table.Namespaces[0].First == 33000 {
			t.Errorf("got %+v", table.Namespaces)
		}
		all := look1(t, Options{Namespace: "all"})
		own, others := 0, 0
		for _, n := range all.Namespaces {
			switch n.Name {
			case "":
				own++
				want(t, "our range begins", n.First, 33000)
			case "pid " + pid:
				others++
			}
		}
		if own != 1 || others != 1 {
			t.Errorf("%d of ours, %d of the child: %+v", own, others, all.Namespaces)
		}
		want(t, "ours by number", look1(t, Options{Namespace: strconv.Itoa(os.Getpid())}).Namespaces[0].Name, "")
		table = look1(t, Options{PID: child.Process.Pid})
		want(t, "where the process is", table.Namespaces[0].Name, "pid "+pid)
		want(t, "and we are still", look1(t, Options{}).Namespaces[0].First, 33000)
	})
}

func TestNoSuchNamespace(t *testing.T) {
	for _, o := range []Options{{Namespace: "4194305"}, {Namespace: "nosuchname"}, {PID: 4194305}} {
		if _, err := Take(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), "there is no ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Take(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCalibrate(t *testing.T) {
	netlab.Run(t, netlab.Config{TWReuse: 2}, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		s.mustOpen(net.Dialer{})
		start := time.Now()
		table := look1(t, Options{Calibrate: true})
		t.Logf("took %v", time.Since(start))
		d := to(table, s.addr)
		if len(table.Missing) > 0 || !d.ConnectCostMeasured || d.ConnectCost < time.Microsecond || d.ConnectCost > time.Second {
			t.Errorf("measured %t, %v; missing %q", d.ConnectCostMeasured, d.ConnectCost, table.Missing)
		}
		c, err := calibrate(32768, 60999)
		if err != nil || c.Live <= 0 || c.TimeWait <= 0 {
			t.Errorf("%+v, %v", c, err)
		}
		t.Logf("%+v", c)
	})
}

// TestForecast is a live ramp: the forecast is within two seconds of the wall.
func TestForecast(t *testing.T) {
	untilExhausted(t, 1500*time.Millisecond, func(n float64) float64 { return n / 100 }) // 100 a second: 1,200 ports last 12 s
}

// TestForecastOfARise is one that rises, from 40 a second by 10 each: its forecast is right from half way on.
func TestForecastOfARise(t *testing.T) {
	untilExhausted(t, 6*time.Second, func(n float64) float64 { return (math.Sqrt(1600+20*n) - 40) / 10 })
}

// untilExhausted closes connections, each when it is due, in seconds, and holds all forecasts after a time
// against when the ports ran out.
func untilExhausted(t *testing.T, after time.Duration, due func(n float64) float64) {
	if testing.Short() {
		t.Skip("takes 15 seconds")
	}
	cfg := netlab.Config{Range: netlab.Range{Lo: 33000, Hi: 34199}}
	netlab.Run(t, cfg, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		start := time.Now()
		type said struct{ at, in time.Duration }
		var all []said
		for n := 1; ; n++ {
			time.Sleep(time.Until(start.Add(time.Duration(due(float64(n)) * float64(time.Second)))))
			if err := s.leave(net.Dialer{}); err != nil {
				break
			}
			if n%100 == 0 && time.Since(start) >= after {
				all = append(all, said{time.Since(start), to(look1(t, Options{}), s.addr).ExhaustedIn})
			}
			if n > 1300 {
				t.Fatal("no wall")
			}
		}
		wall := time.Since(start)
		for _, f := range all {
			t.Logf("at %v: in %v, really in %v", f.at, f.in, wall-f.at)
			if (f.at + f.in - wall).Abs() > 2*time.Second {
				t.Errorf("at %v the forecast was %v, and the wall came after %v", f.at, f.in, wall-f.at)
			}
		}
		if len(all) < 5 {
			t.Errorf("%d forecasts", len(all))
		}
	})
}

// TestReadAllocates holds the reader to its bound, whatever the number of sockets.
func TestReadAllocates(t *testing.T) {
	netlab.Run(t, netlab.Config{Range: netlab.Range{Lo: 33000, Hi: 34999}}, func(t *testing.T) {
		s := serve(t, "127.0.0.1:8080")
		for range 900 {
			if err := s.leave(net.Dialer{}); err != nil {
				t.Fatal(err)
			}
		}
		s.mustOpen(net.Dialer{})
		ns := ports.Namespace{First: 33000, Last: 34999, TimeWait: timeWaitTime}
		n := math.Inf(1)
		for range 5 { // other goroutines' allocations count too, such as the collector's
			n = min(n, testing.AllocsPerRun(3, func() {
				tally := ports.NewTally(ns, new(ports.PortSet))
				if _, err := read(tally); err != nil {
					t.Fatal(err)
				}
			}))
		}
		t.Logf("%v allocations", n)
		if n > 50 {
			t.Errorf("%v allocations for 900 sockets, want 50 at most", n)
		}
	})
}
