package tracer

import (
	"cmp"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
	"github.com/berth-go/berth/cmd/berth/internal/bpf"
	"github.com/berth-go/berth/cmd/berth/internal/symbol"
)

// A place is what stacks are put together by: the first call of the application.
type place struct {
	function, file string
	line           int
	through        bill.Library
}

// sites are the calls that opened connections, from the stacks that led to them, and a stack that could not be
// resolved, and how many Transports they went through. Where a library dials on a goroutine of its own, the stack of the connect says nothing, and the library's
// own word on who wanted it is what counts.
func sites(all []bpf.Site, p *process) (out []bill.Site, made int, unknown []symbol.Frame) {
	var (
		byPlace    = map[place]*bill.Site{}
		most       = map[place]int{}
		transports = map[place]map[uint64]bool{}
		union      = map[uint64]bool{}
	)
	for _, s := range all {
		stack := frames(s, p)
		if s.By == bpf.Connect && dialsFor(stack) {
			unknown = stack
			continue // or it comes twice
		}
		i := application(stack)
		if i < 0 {
			unknown = stack
			continue
		}
		f := stack[i]
		k := place{f.Function, f.File, f.Line, through(s.By)}
		site := byPlace[k]
		if site == nil {
			site = &bill.Site{Function: k.function, File: k.file, Line: k.line, Through: k.through, MaxIdle: -1}
			byPlace[k] = site
			transports[k] = map[uint64]bool{}
		}
		site.Connections += s.Connections
		site.Failed += s.Failed
		for _, t := range s.Transports {
			transports[k][t.Address], union[t.Address] = true, true
			site.MaxIdle = max(site.MaxIdle, t.MaxIdle)
			site.NoKeepAlive = site.NoKeepAlive || t.NoKeepAlive
		}
		if n := s.Connections + s.Failed; n > most[k] || site.Stack == nil {
			most[k], site.Stack = n, written(stack)
		}
	}
	for k, site := range byPlace {
		site.Transports = len(transports[k])
		out = append(out, *site)
	}
	slices.SortFunc(out, func(a, b bill.Site) int {
		return cmp.Or(cmp.Compare(b.Connections+b.Failed, a.Connections+a.Failed), strings.Compare(a.Function, b.Function), cmp.Compare(a.Line, b.Line))
	})
	return out, len(union), unknown
}

func through(by bpf.By) bill.Library {
	return [...]bill.Library{bpf.Connect: "", bpf.HTTP: bill.NetHTTP, bpf.Berth: bill.Berth}[by]
}

func frames(s bpf.Site, p *process) (all []symbol.Frame) {
	if p.code == nil {
		return nil
	}
	for i, pc := range s.Stack {
		// A probe stands on the first instruction of a function: that address is where it is.
		isReturn := i > 0 || s.By == bpf.Connect
		all = append(all, p.code.Frames(pc, isReturn)...)
		if i == 0 && p.Go == "" {
			all = append(all, caller(s, p)...)
		}
	}
	return all
}

// caller is the function that called the one which made the system call, where that has no frame of its own.
func caller(s bpf.Site, p *process) []symbol.Frame {
	if s.Caller == 0 || len(s.Stack) > 1 && s.Caller == s.Stack[1] {
		return nil
	}
	all := p.code.Frames(s.Caller, true)
	if all[0].Function == "" {
		return nil // no code is there: it was something else that stood on the stack
	}
	return all
}

// dialsFor reports whether the stack of a connect is of a library that dials for the requests that wait.
func dialsFor(stack []symbol.Frame) bool {
	return slices.ContainsFunc(stack, func(f symbol.Frame) bool {
		switch f.Function {
		case "net/http.(*Transport).dialConnFor", "github.com/berth-go/berth.(*Transport).runDial":
			return true
		}
		return false
	})
}

func written(stack []symbol.Frame) (lines []string) {
	for _, f := range stack {
		lines = append(lines, f.String())
	}
	return lines
}

// hint says what would let a call be known that is not.
func hint(p *process, stack []symbol.Frame) string {
	named := slices.ContainsFunc(stack, func(f symbol.Frame) bool { return f.Function != "" })
	switch runtime := runtimeOf(p); {
	case errors.Is(p.hidden, fs.ErrPermission), p.code != nil && p.program == nil:
		return "it takes root, or CAP_SYS_PTRACE, to look into a process of another user"
	case p.code == nil:
		return "the process had ended before it could be looked at"
	case runtime == "java":
		return "start java with -XX:+PreserveFramePointer, and run jcmd PID Compiler.perfmap while it is traced (JDK 17)"
	case runtime == "node" && slices.ContainsFunc(stack, func(f symbol.Frame) bool { return strings.HasPrefix(f.File, "node:") }):
		return "node connects in a callback, after it has looked up a name: no call of the program is on the stack"
	case runtime == "node":
		return "start node with --perf-basic-prof --interpreted-frames-native-stack"
	case runtime == "python":
		return "start python 3.12 or later with -X perf"
	case p.Go != "" && dialsFor(stack):
		return "net/http dials on a goroutine of its own, and what it says of these could not be read"
	case p.Go != "":
		return "it was dialed on a goroutine that no call of the application is on"
	case !named && p.program != nil && p.program.Stripped():
		return "install the debug symbols of " + p.program.Name
	}
	return "the stack ends in code without frame pointers: build with -fno-omit-frame-pointer, or trace with --stacks to see how far it goes"
}

// runtimes are known by their programs' names.
var runtimes = map[string]*regexp.Regexp{
	"java":   regexp.MustCompile(`^java$`),
	"node":   regexp.MustCompile(`^(node|nodejs)$`),
	"python": regexp.MustCompile(`^python[0-9.]*$`),
}

func runtimeOf(p *process) string {
	name := p.Command
	if p.program != nil {
		name = p.program.Name[strings.LastIndexByte(p.program.Name, '/')+1:]
	}
	for runtime, names := range runtimes {
		if p.Go == "" && names.MatchString(name) {
			return runtime
		}
	}
	return ""
}
