package tracer

import (
	"cmp"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
	"github.com/berth-go/berth/cmd/berth/internal/bpf"
	"github.com/berth-go/berth/cmd/berth/internal/procfs"
	"github.com/berth-go/berth/cmd/berth/internal/symbol"
)

// A Tracer watches until it is closed. Its methods may be called at the same time.
type Tracer struct {
	trace *bpf.Trace
	began time.Time
	proc  procfs.FS
	files symbol.Files
	met   sync.WaitGroup // the goroutine that meets processes

	mu        sync.Mutex // guards the fields below
	processes map[int]*process
	probed    map[*symbol.Object]bool
	missing   []string
}

// A process is what we know of one, from when it was met: it may have ended since.
type process struct {
	bill.Process
	code    *symbol.Process // nil where its maps could not be read
	hidden  error           // why not
	program *symbol.Object  // nil where its executable could not
}

// Runs says why a number is not one of a process that can be watched, or nil.
func Runs(pid int) error {
	process, state, err := procfs.At("/proc").Thread(pid)
	switch {
	case err != nil:
		return fmt.Errorf("there is no process %d", pid)
	case process != pid:
		return fmt.Errorf("%d is a thread: its process is --pid %d", pid, process)
	case state == "Z" || state == "X":
		return fmt.Errorf("process %d has ended", pid)
	}
	return nil
}

// Start begins to watch. Without the privileges, errors.Is(err, fs.ErrPermission).
func Start(o Options) (*Tracer, error) {
	trace, err := bpf.Open(bpf.Options{PID: o.PID, All: o.All, Cgroup: o.Cgroup, Follow: o.Command != ""})
	if err != nil {
		return nil, err
	}
	t := &Tracer{
		trace: trace, began: time.Now(), proc: procfs.At("/proc"),
		processes: map[int]*process{}, probed: map[*symbol.Object]bool{}, missing: trace.Missing,
	}
	if o.Command != "" {
		t.lookAhead(o.Command)
	}
	if o.PID != 0 {
		t.meet(o.PID)
	}
	t.met.Go(t.meetAll)
	return t, nil
}

// lookAhead puts the probes on a program that does not run yet.
func (t *Tracer) lookAhead(command string) {
	path, err := filepath.EvalSymlinks(command)
	if err != nil {
		return // it will be met when it runs
	}
	if program, err := t.files.Object(path, path); err == nil {
		t.look(&process{program: program}, path)
	}
}

// Run calls start, which starts a process, and watches that from its first connection, and all that it starts.
func (t *Tracer) Run(start func() error) error {
	self := os.Getpid()
	if err := t.trace.Watch(self); err != nil { // what it forks is watched, and itself never is
		return err
	}
	defer t.trace.Unwatch(self)
	return start()
}

// Close ends the watch and leaves nothing behind.
func (t *Tracer) Close() error {
	err := t.trace.Interrupt()
	t.met.Wait()
	return errors.Join(err, t.trace.Close())
}

// meetAll looks at each process as it connects for the first time, or executes a program, while it is there.
func (t *Tracer) meetAll() {
	for {
		pid, executes, err := t.trace.Next()
		if err != nil {
			return // closed
		}
		if executes || !t.knows(pid) {
			t.meet(pid)
		}
	}
}

func (t *Tracer) knows(pid int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.processes[pid] != nil
}

func (t *Tracer) meet(pid int) {
	p := &process{Process: bill.Process{PID: pid}}
	about, err := t.proc.Process(pid)
	if err != nil {
		return // it has ended
	}
	p.Command, p.Cmdline, p.Container = about.Command, about.Cmdline, about.Container
	if p.code, p.hidden = symbol.Open(&t.files, pid); p.hidden == nil {
		p.program = p.code.Program
		t.look(p, p.code.Executable)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.processes[pid] = p
}

// look has a Go program say more of itself. All processes that run it will.
func (t *Tracer) look(p *process, exe string) {
	if p.program == nil || !p.program.IsGo() {
		return
	}
	f, err := os.Open(exe)
	if err != nil {
		return
	}
	defer f.Close()
	exe = fmt.Sprintf("/proc/self/fd/%d", f.Fd()) // the process may execute another program now
	if same, err := t.files.Object(exe, p.program.Name); err != nil || same != p.program {
		return
	}
	info, err := buildinfo.Read(f)
	if err != nil {
		return
	}
	p.Go = info.GoVersion
	all, known := executable{p.program, f}.probes(info.GoVersion)
	t.mu.Lock()
	done := t.probed[p.program]
	t.probed[p.program] = true
	t.mu.Unlock()
	if done {
		return
	}
	if !known {
		t.miss(fmt.Sprintf("which calls of %s go through net/http, and why connections are closed: berth does not know net/http of %s", p.program.Name, info.GoVersion))
	}
	if len(all) == 0 {
		return
	}
	if err := t.trace.Probe(exe, all); err != nil {
		t.miss(fmt.Sprintf("which calls of %s go through net/http, and why connections are closed: %v", p.program.Name, err))
	}
}

func (t *Tracer) miss(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.missing, what) {
		t.missing = append(t.missing, what)
	}
}

// Bill is what was seen so far.
func (t *Tracer) Bill() (*bill.Bill, error) {
	counts, err := t.trace.Read()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b := &bill.Bill{Time: time.Since(t.began), Tier: bill.EBPF, Lost: counts.Lost.Sum(), Missing: slices.Clone(t.missing)}
	reloaded := map[int]bool{}
	for i := range counts.Groups {
		g := &counts.Groups[i]
		p := t.processes[g.PID]
		if p == nil {
			p = &process{Process: bill.Process{PID: g.PID, Command: g.Command}}
		}
		if p.code != nil && !reloaded[g.PID] {
			reloaded[g.PID] = true
			_ = p.code.Reload() // what it was stays if it has ended
		}
		b.Groups = append(b.Groups, group(g, p))
	}
	Sort(b.Groups)
	return b, nil
}

// Sort puts the groups with the most connections first.
func Sort(groups []bill.Group) {
	slices.SortFunc(groups, func(a, b bill.Group) int {
		return cmp.Or(
			cmp.Compare(b.Connections+b.Failures(), a.Connections+a.Failures()),
			cmp.Compare(a.Process.PID, b.Process.PID),
			a.Destination.Compare(b.Destination),
		)
	})
}

func group(g *bpf.Group, p *process) bill.Group {
	out := bill.Group{
		Process: p.Process, Destination: g.Destination,
		Connections: g.Established, Open: g.Open + g.Left, Peak: g.Peak,
		ClosedByUs: g.ByUs, ClosedByPeer: g.ByPeer, Reset: g.Reset,
		Failed: map[string]int{}, CloseReasons: g.Reasons,
		Life:   quantiles(&g.Life),
		Search: quantiles(&g.Search),
	}
	for errno, n := range g.Failed {
		out.Failed[bpf.ErrnoName(errno)] += n
	}
	if g.Established > 0 {
		out.Requests = float64(g.EndedSegments+g.OpenSegments) / float64(g.Established)
	}
	if n, ok := out.CloseReasons[""]; ok {
		delete(out.CloseReasons, "")
		out.CloseReasons["an error of another type"] += n
	}
	var unknown []symbol.Frame
	out.Sites, out.Transports, unknown = sites(g.Sites, p)
	placed := 0
	for _, s := range out.Sites {
		placed += s.Connections
	}
	out.Unplaced = max(0, g.Established-placed)
	if out.Unplaced > 0 || len(out.Sites) == 0 {
		out.Hint, out.Unknown = hint(p, unknown), written(unknown)
	}
	return out
}

func quantiles(h *bpf.Histogram) bill.Quantiles {
	return bill.Quantiles{P50: h.Quantile(0.5), P99: h.Quantile(0.99)}
}
