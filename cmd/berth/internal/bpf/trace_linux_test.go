package bpf

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/berth-go/berth/internal/netlab"
)

// TestMain also is the process that connects: berth never watches itself.
func TestMain(m *testing.M) {
	if addr := os.Getenv("CONNECT_TO"); addr != "" {
		for range 10 {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				os.Exit(1)
			}
			c.Write([]byte("x"))
			c.Close()
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// connect has another process make ten connections, and returns what was counted of them.
func connect(t *testing.T, trace *Trace) Group {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				c.Read(make([]byte, 10))
				c.Read(make([]byte, 10)) // its end
				c.Close()
			}()
		}
	}()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "CONNECT_TO="+ln.Addr().String())
	if err := trace.Watch(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	counts, err := trace.Read()
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(ln.Addr().String())
	i := slices.IndexFunc(counts.Groups, func(g Group) bool { return g.PID == c.Process.Pid && g.Destination == to })
	if i < 0 {
		t.Fatalf("no group of process %d to %s in %+v", c.Process.Pid, to, counts.Groups)
	}
	return counts.Groups[i]
}

func TestTrace(t *testing.T) {
	netlab.NeedRoot(t)
	for _, multi := range []bool{true, false} {
		trace, err := open(Options{Follow: true}, multi)
		if err != nil {
			t.Fatal(err)
		}
		if trace.multi != multi {
			t.Errorf("uprobe_multi %v, want %v", trace.multi, multi)
		}
		if len(trace.Missing) > 0 {
			t.Errorf("missing: %v", trace.Missing)
		}
		// Searches are measured for a tenth of each second: here, for all of it.
		searches, err := trace.attachSockops()
		if err != nil {
			t.Fatal(err)
		}
		g := connect(t, trace)
		searches.Close()
		if g.Begun != 10 || g.Established != 10 || g.ByUs != 10 || g.EndedSegments != 10 || g.Open != 0 || g.Peak < 1 {
			t.Errorf("got %+v", g)
		}
		if g.Life.Quantile(0.5) == 0 || g.Search.Quantile(0.5) == 0 {
			t.Errorf("lifetimes %v, port searches %v", g.Life, g.Search)
		}
		if len(g.Sites) == 0 || len(g.Sites[0].Stack) < 5 || g.Sites[0].Connections == 0 {
			t.Errorf("sites %+v", g.Sites)
		}
		if err := trace.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCloseLeavesNothing: programs and maps end with their descriptors.
func TestCloseLeavesNothing(t *testing.T) {
	netlab.NeedRoot(t)
	trace, err := Open(Options{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := trace.Probe("/proc/self/exe", []Probe{{Point: BerthClose, Offset: 0x1000}}); err != nil {
		t.Fatal(err)
	}
	var programs []ebpf.ProgramID
	for _, p := range []*ebpf.Program{trace.objects.Opened, trace.objects.Changed, trace.objects.BerthClose, trace.objects.PortFound} {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		id, _ := info.ID()
		programs = append(programs, id)
	}
	info, err := trace.objects.Conns.Info()
	if err != nil {
		t.Fatal(err)
	}
	conns, _ := info.ID()
	next := make(chan error)
	go func() {
		for {
			if _, _, err := trace.Next(); err != nil {
				next <- err
				return
			}
		}
	}()
	if err := trace.Close(); err != nil {
		t.Error(err)
	}
	if err := <-next; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next returned %v", err)
	}
	gone := func() bool { // the kernel frees them after a grace period
		for _, id := range programs {
			if p, err := ebpf.NewProgramFromID(id); err == nil {
				p.Close()
				return false
			}
		}
		m, err := ebpf.NewMapFromID(conns)
		if err == nil {
			m.Close()
		}
		return errors.Is(err, fs.ErrNotExist)
	}
	for deadline := time.Now().Add(10 * time.Second); !gone(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("programs or maps are left")
		}
	}
}

// TestCgroupFolder: a path of the hierarchy is found where that is mounted, and any other is what it is.
func TestCgroupFolder(t *testing.T) {
	root, err := cgroupRoot("/proc/self/mounts")
	if err != nil {
		t.Skip(err)
	}
	for path, want := range map[string]string{"/": root, root: root, ".": ".", "/no-such-cgroup": "/no-such-cgroup"} {
		if got := filepath.Clean(cgroupFolder(path)); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestQuantile(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("of nothing")
	}
	h[0], h[10], h[20] = 1, 97, 2
	for _, tt := range []struct {
		q    float64
		want int // bucket
	}{{0, 0}, {0.5, 10}, {0.97, 10}, {0.99, 20}, {1, 20}} {
		want := time.Duration(float64(time.Microsecond<<tt.want) * 1.4142)
		if got := h.Quantile(tt.q); got != want {
			t.Errorf("quantile %v is %v, want %v", tt.q, got, want)
		}
	}
}
