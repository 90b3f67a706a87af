package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
)

// A Trace counts in the kernel until it is closed. Nothing of it outlives the process: programs and maps are held
// by descriptors alone. Its methods may be called at the same time, but for Close.
type Trace struct {
	// Missing says what this machine does not let us measure.
	Missing []string

	objects objectObjects
	multi   bool // uprobe_multi works
	news    *ringbuf.Reader

	closed   chan struct{}
	close    sync.Once
	sampling sync.WaitGroup

	mu    sync.Mutex // guards links
	links []link.Link
}

// Open loads the programs and has them count. Without the privileges the error is one of permission, which
// errors.Is(err, fs.ErrPermission) tells.
func Open(o Options) (*Trace, error) { return open(o, true) }

func open(o Options, multi bool) (_ *Trace, err error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, explained(err)
	}
	t := &Trace{multi: multi, closed: make(chan struct{})}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	if err := t.load(); err != nil {
		return nil, explained(err)
	}
	if err := t.configure(o); err != nil {
		return nil, err
	}
	if t.news, err = ringbuf.NewReader(t.objects.Arrivals); err != nil {
		return nil, err
	}
	return t, t.attach()
}

// load tries the programs as they are, and then for a kernel without uprobe_multi (before 6.6).
func (t *Trace) load() error {
	if t.multi {
		err := t.loadAs(ebpf.AttachTraceUprobeMulti)
		if err == nil || errors.Is(err, os.ErrPermission) {
			return err
		}
		t.multi = false
	}
	return t.loadAs(ebpf.AttachNone)
}

func (t *Trace) loadAs(uprobes ebpf.AttachType) error {
	spec, err := loadObject()
	if err != nil {
		return err
	}
	for _, p := range spec.Programs {
		if strings.HasPrefix(p.SectionName, "uprobe") {
			p.AttachType = uprobes
		}
	}
	return spec.LoadAndAssign(&t.objects, nil)
}

func (t *Trace) configure(o Options) error {
	if o.Cgroup != "" {
		dir, err := os.Open(cgroupFolder(o.Cgroup))
		if err != nil {
			return err
		}
		defer dir.Close()
		if err := t.objects.Cgroups.Put(uint32(0), uint32(dir.Fd())); err != nil {
			return fmt.Errorf("%s is no cgroup of version 2: %w", o.Cgroup, err)
		}
	}
	if o.PID != 0 {
		if err := t.Watch(o.PID); err != nil {
			return err
		}
	}
	s := objectSettings{All: flag(o.All), Cgroup: flag(o.Cgroup != ""), Follow: flag(o.Follow)}
	if err := t.objects.Config.Put(uint32(0), &s); err != nil {
		return err
	}
	return run(t.objects.WhoAreWe)
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// run calls a program once, in this process.
func run(p *ebpf.Program) error {
	code, err := p.Run(&ebpf.RunOptions{})
	if err == nil && code != 0 {
		err = fmt.Errorf("the kernel program %s returned %d", p, code)
	}
	return err
}

func (t *Trace) attach() error {
	for _, p := range []struct {
		tracepoint string
		program    *ebpf.Program
	}{
		{"inet_sock_set_state", t.objects.Changed},
		{"inet_sock_set_state", t.objects.Opened},
		{"sched_process_fork", t.objects.Forked},
		{"sched_process_exec", t.objects.Executed},
		{"sched_process_exit", t.objects.Exited},
	} {
		l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: p.tracepoint, Program: p.program})
		if err != nil {
			return explained(fmt.Errorf("tracepoint %s: %w", p.tracepoint, err))
		}
		t.keep(l)
	}
	searches, err := t.attachSockops()
	if err != nil {
		t.Missing = append(t.Missing, fmt.Sprintf("how long a search for a local port takes: %v", err))
		return nil
	}
	t.sampling.Go(func() { t.sample(searches) })
	return nil
}

// attachSockops counts in the root of cgroup v2, wherever it is mounted.
func (t *Trace) attachSockops() (link.Link, error) {
	root, err := cgroupRoot("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	return link.AttachCgroup(link.CgroupOptions{Path: root, Attach: ebpf.AttachCGroupSockOps, Program: t.objects.PortFound})
}

// How often, and for how long, searches for a local port are measured: the kernel calls the program nine times a
// connection for it.
const (
	sampleEvery = time.Second
	sampleTime  = 100 * time.Millisecond
)

// sample measures for a while, and then again and again, until the Trace is closed.
func (t *Trace) sample(searches link.Link) {
	for {
		t.wait(sampleTime)
		searches.Close()
		if !t.wait(sampleEvery - sampleTime) {
			return
		}
		var err error
		if searches, err = t.attachSockops(); err != nil {
			return // the cgroup file system is gone, or the privilege
		}
	}
}

// wait reports whether the time passed without a Close.
func (t *Trace) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.closed:
		return false
	}
}

// cgroupFolder finds a cgroup by its path in the hierarchy too, as /proc/PID/cgroup and systemctl have it.
func cgroupFolder(path string) string {
	root, err := cgroupRoot("/proc/self/mounts")
	if err != nil || !strings.HasPrefix(path, "/") {
		return path
	}
	if below := filepath.Join(root, path); !strings.HasPrefix(path, root) && isFolder(below) {
		return below
	}
	return path
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func cgroupRoot(mounts string) (string, error) {
	b, err := os.ReadFile(mounts)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1], nil
		}
	}
	return "", errors.New("no cgroup v2 is mounted here")
}

func (t *Trace) keep(l link.Link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.links = append(t.links, l)
}

// Watch adds a process to those that are watched.
func (t *Trace) Watch(pid int) error { return t.objects.Targets.Put(uint32(pid), uint8(1)) }

// Unwatch takes a process from them. What it has started is watched still.
func (t *Trace) Unwatch(pid int) error { return t.objects.Targets.Delete(uint32(pid)) }

// Probe has processes that run an executable, and that are watched, say more of themselves.
func (t *Trace) Probe(executable string, probes []Probe) error {
	ex, err := link.OpenExecutable(executable)
	if err != nil {
		return err
	}
	for _, p := range probes {
		l, err := t.probe(ex, p)
		if err != nil {
			return explained(err)
		}
		t.keep(l)
	}
	return nil
}

func (t *Trace) probe(ex *link.Executable, p Probe) (link.Link, error) {
	o := &t.objects
	program := []*ebpf.Program{
		HTTPQueue: o.HttpQueue, HTTPDeliver: o.HttpDeliver, HTTPClose: o.HttpClose,
		BerthDial: o.BerthDial, BerthDialed: o.BerthDialed, BerthClose: o.BerthClose,
	}[p.Point]
	if t.multi {
		return ex.UprobeMulti(nil, program, &link.UprobeMultiOptions{Addresses: []uint64{p.Offset}, Cookies: []uint64{p.Cookie}})
	}
	return ex.Uprobe("", program, &link.UprobeOptions{Address: p.Offset, Cookie: p.Cookie})
}

// Next waits for a watched process that executes a program, or connects to somewhere for the first time. It returns
// os.ErrClosed once the Trace is closed, or Interrupt was called.
func (t *Trace) Next() (pid int, executes bool, err error) {
	r, err := t.news.Read()
	if err != nil {
		return 0, false, err
	}
	if len(r.RawSample) < int(unsafe.Sizeof(objectNews{})) {
		return 0, false, errors.New("bpf: a short record")
	}
	return int(binary.NativeEndian.Uint32(r.RawSample)), binary.NativeEndian.Uint32(r.RawSample[4:]) != 0, nil
}

// Interrupt ends Next, so that whoever calls Probe for what it returns can be waited for before Close.
func (t *Trace) Interrupt() error { return t.news.Close() }

// Close ends the counting and frees all that the kernel holds of it. No other method may be under way, but for Next.
func (t *Trace) Close() error {
	t.close.Do(func() { close(t.closed) })
	t.sampling.Wait()
	t.mu.Lock()
	links := t.links
	t.links = nil
	t.mu.Unlock()
	var errs []error
	for _, l := range slices.Backward(links) {
		errs = append(errs, l.Close())
	}
	if t.news != nil {
		errs = append(errs, t.news.Close())
	}
	return errors.Join(append(errs, t.objects.Close())...)
}

// explained adds which capabilities are wanted where the kernel only says no.
func explained(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("eBPF needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN: %w", os.ErrPermission)
	}
	return err
}

// Read returns what was counted so far.
func (t *Trace) Read() (*Counts, error) {
	if err := run(t.objects.Sweep); err != nil {
		return nil, err
	}
	r := reader{t: t, groups: map[objectEndpoint]*Group{}, sites: map[objectSite]*Site{}, stacks: map[int32][]uint64{}, placed: map[objectEndpoint]int{}}
	for _, read := range []func() error{r.readGroups, r.readOpen, r.readFailures, r.readReasons, r.readSites, r.readTransports} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	lost, err := r.lost()
	return &Counts{Groups: r.all(), Lost: lost}, err
}

// A reader joins the maps.
type reader struct {
	t      *Trace
	groups map[objectEndpoint]*Group
	sites  map[objectSite]*Site
	order  []objectSite
	stacks map[int32][]uint64
	placed map[objectEndpoint]int // connections that a library has placed
}

// each calls f for each entry of a map. One that goes meanwhile may have it begin anew, in which case entries
// would come twice: so keys are noted.
func each[K comparable, V any](m *ebpf.Map, f func(K, *V)) error {
	var (
		key  K
		v    V
		seen = map[K]bool{}
		all  = m.Iterate()
	)
	for all.Next(&key, &v) {
		if !seen[key] {
			seen[key] = true
			f(key, &v)
		}
	}
	if err := all.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return err
	}
	return nil
}

func (r *reader) readGroups() error {
	return each(r.t.objects.Groups, func(k objectEndpoint, v *objectGroup) {
		r.groups[k] = &Group{
			PID: int(k.Tgid), Destination: addrPort(k), Command: text(v.Comm[:]),
			Begun: int(v.Begun), Established: int(v.Established),
			ByUs: int(v.ByUs), ByPeer: int(v.ByPeer), Reset: int(v.Reset),
			Open: int(v.Open), Left: int(v.Left), Peak: int(v.Peak), EndedSegments: int(v.Segments),
			Life: histogram(v.Life), Search: histogram(v.Search),
			Failed: map[uint32]int{}, Reasons: map[string]int{},
		}
	})
}

func addrPort(k objectEndpoint) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(k.Addr).Unmap(), k.Port)
}

// text is what stands before the first zero byte.
func text[C ~int8 | ~uint8](b []C) string {
	var s []byte
	for _, c := range b {
		if c == 0 {
			break
		}
		s = append(s, byte(c))
	}
	return strings.ToValidUTF8(string(s), "?")
}

func histogram(kernel [40]uint64) (h Histogram) {
	for i, n := range kernel {
		h[i] = int(n)
	}
	return h
}

func (r *reader) readOpen() error {
	return each(r.t.objects.Conns, func(_ uint64, c *objectConn) {
		if g := r.groups[c.To]; g != nil && c.Established != 0 && c.Ended == 0 {
			g.OpenSegments += int(c.Segments)
		}
	})
}

func (r *reader) readFailures() error {
	return each(r.t.objects.Failures, func(k objectFailure, n *uint64) {
		if g := r.groups[k.To]; g != nil {
			g.Failed[k.Errno] += int(*n)
		}
	})
}

func (r *reader) readReasons() error {
	return each(r.t.objects.Reasons, func(k objectReason, n *uint64) {
		if g := r.groups[k.To]; g != nil {
			g.Reasons[text(k.Text[:])] += int(*n)
		}
	})
}

func (r *reader) readSites() error {
	return each(r.t.objects.Sites, func(k objectSite, n *objectSiteCount) {
		r.sites[k] = &Site{By: By(k.By), Stack: r.stack(k.Stack), Caller: k.Caller, Connections: int(n.Connections), Failed: int(n.Failed)}
		r.order = append(r.order, k)
		if By(k.By) != Connect {
			r.placed[k.To] += int(n.Connections)
		}
	})
}

func (r *reader) stack(id int32) []uint64 {
	if id < 0 {
		return nil
	}
	if s, ok := r.stacks[id]; ok {
		return s
	}
	var frames [96]uint64 // DEPTH
	if r.t.objects.Stacks.Lookup(uint32(id), &frames) != nil {
		return nil
	}
	n := slices.Index(frames[:], 0)
	if n < 0 {
		n = len(frames)
	}
	r.stacks[id] = slices.Clone(frames[:n])
	return r.stacks[id]
}

func (r *reader) readTransports() error {
	return each(r.t.objects.Transports, func(k objectTransportKey, v *objectTransport) {
		s := r.sites[k.Site]
		if s == nil {
			return
		}
		s.Transports = append(s.Transports, Transport{
			Address: k.Transport, Connections: int(v.Connections),
			MaxIdle: int(max(v.MaxIdle, math.MinInt32)), NoKeepAlive: v.NoKeepalive != 0,
		})
	})
}

func (r *reader) lost() (l Lost, err error) {
	for i, to := range []*int{&l.Connections, &l.Stacks, &l.Groups, &l.News} {
		var n uint64
		if err := r.t.objects.Lost.Lookup(uint32(i), &n); err != nil {
			return l, err
		}
		*to = int(n)
	}
	for _, p := range []*ebpf.Program{r.t.objects.Opened, r.t.objects.Changed} {
		stats, err := p.Stats()
		if err != nil {
			return l, err
		}
		l.Missed += int(stats.RecursionMisses)
	}
	return l, nil
}

func (r *reader) all() (all []Group) {
	for _, k := range r.order {
		g := r.groups[k.To]
		if g == nil {
			g = r.only(k.To.Tgid)
		}
		if g != nil {
			g.Sites = append(g.Sites, *r.sites[k])
		}
	}
	for _, g := range r.groups {
		all = append(all, *g)
	}
	return all
}

// only is the one group of a process that has connections which no library has placed, or nil where there are several:
// what a library said without a destination belongs to it.
func (r *reader) only(tgid uint32) (only *Group) {
	for k, g := range r.groups {
		if k.Tgid != tgid || r.placed[k] >= g.Established {
			continue
		}
		if only != nil {
			return nil
		}
		only = g
	}
	return only
}

// ErrnoName is an errno as errno.h has it.
func ErrnoName(errno uint32) string {
	if s, ok := errnoNames[syscall.Errno(errno)]; ok {
		return s
	}
	return fmt.Sprintf("errno %d", errno)
}

// errnoNames are those that a connect can end with.
var errnoNames = map[syscall.Errno]string{
	syscall.EADDRNOTAVAIL: "EADDRNOTAVAIL",
	syscall.ECONNREFUSED:  "ECONNREFUSED",
	syscall.ECONNRESET:    "ECONNRESET",
	syscall.ECONNABORTED:  "ECONNABORTED",
	syscall.ETIMEDOUT:     "ETIMEDOUT",
	syscall.EHOSTUNREACH:  "EHOSTUNREACH",
	syscall.ENETUNREACH:   "ENETUNREACH",
	syscall.EHOSTDOWN:     "EHOSTDOWN",
	syscall.ENETDOWN:      "ENETDOWN",
	syscall.EACCES:        "EACCES",
	syscall.EPERM:         "EPERM",
	syscall.EPIPE:         "EPIPE",
	syscall.ENOBUFS:       "ENOBUFS",
	syscall.ECANCELED:     "ECANCELED",
}
