package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// traceLabVerb makes this program the lab that trace is measured in, or, with
// -work, the program that is traced there. It is for itself only.
const traceLabVerb = "tracelab"

func canTrace() error {
	if os.Geteuid() != 0 {
		return errors.New("it needs root for eBPF and a network namespace")
	}
	return canCheck()
}

// traceInLab measures in a child, whose network namespace is its own.
func traceInLab(ctx context.Context, o *options, berth, load string, count int) (r traceResult, err error) {
	err = inLab(ctx, &r, traceLabVerb, "-berth", berth, "-load", load, "-count", strconv.Itoa(count), "-rounds", strconv.Itoa(o.rounds))
	return r, err
}

func traceLab(args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet(traceLabVerb, flag.ContinueOnError)
	f.SetOutput(stderr)
	l := traceLoad{}
	f.StringVar(&l.berth, "berth", "", "the berth `program`")
	f.StringVar(&l.load, "load", "", "closes or pooled")
	f.IntVar(&l.count, "count", 0, "`number` of connections or requests")
	f.IntVar(&l.rounds, "rounds", 1, "`number` of rounds")
	work := f.Bool("work", false, "be the program")
	if err := f.Parse(args); err != nil {
		return 2
	}
	run := l.measure
	if *work {
		run = l.work
	}
	if err := run(stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// A traceLoad is one load in its lab.
type traceLoad struct {
	berth, load   string
	count, rounds int
}

// measure runs the load without and with berth, in turns, and writes the result.
func (l *traceLoad) measure(stdout io.Writer) error {
	if err := setUpLab(); err != nil {
		return err
	}
	// Few TIME_WAITs: else the search for a port would be what is measured.
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_max_tw_buckets", []byte("100"), 0); err != nil {
		return err
	}
	if err := serveLab(); err != nil {
		return err
	}
	r := traceResult{Count: l.count}
	var without, with, berth []float64
	for range l.rounds {
		a, _, err := l.run(false)
		if err != nil {
			return err
		}
		b, own, err := l.run(true)
		if err != nil {
			return err
		}
		without, with, berth = append(without, a), append(with, b), append(berth, own)
		r.Ratios = append(r.Ratios, b/a)
	}
	r.Without, r.With, r.Berth = median(without), median(with), median(berth)
	return json.NewEncoder(stdout).Encode(r)
}

const (
	closesPort = 8081 // whose server closes when the client has
	httpPort   = 8082
)

// serveLab starts both servers in this process.
func serveLab() error {
	raw, err := net.Listen("tcp4", ":"+strconv.Itoa(closesPort))
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := raw.Accept()
			if err != nil {
				return
			}
			go func() {
				c.Read(make([]byte, 1))
				c.Close()
			}()
		}
	}()
	web, err := net.Listen("tcp4", ":"+strconv.Itoa(httpPort))
	if err != nil {
		return err
	}
	go serving{}.on(web)
	return nil
}

// run returns the CPU of one connection or request in microseconds, and that of
// berth in milliseconds.
func (l *traceLoad) run(traced bool) (each, own float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	worker := exec.Command(self, traceLabVerb, "-work", "-load", l.load, "-count", strconv.Itoa(l.count))
	worker.Stderr = os.Stderr
	worker.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := worker.StdinPipe()
	if err != nil {
		return 0, 0, err
	}
	stdout, err := worker.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := worker.Start(); err != nil {
		return 0, 0, err
	}
	var tracer *exec.Cmd
	if traced {
		if tracer, err = l.trace(worker.Process.Pid); err != nil {
			return 0, 0, err
		}
	}
	before := selfCPU()
	io.WriteString(stdin, "go\n")
	answer, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return 0, 0, err
	}
	cpu, err := strconv.ParseInt(strings.TrimSpace(answer), 10, 64) // of the worker, in nanoseconds
	if err != nil {
		return 0, 0, err
	}
	cpu += int64(selfCPU() - before)
	if tracer != nil {
		tracer.Process.Signal(os.Interrupt)
		if err := tracer.Wait(); err != nil {
			return 0, 0, fmt.Errorf("berth trace: %w", err)
		}
		own = float64(processCPU(tracer.ProcessState).Microseconds()) / 1e3
	}
	stdin.Close()
	return float64(cpu) / 1e3 / float64(l.count), own, worker.Wait()
}

// trace starts berth trace on a process, and waits until it watches.
func (l *traceLoad) trace(pid int) (*exec.Cmd, error) {
	cmd := exec.Command(l.berth, "trace", "--pid", strconv.Itoa(pid), "--for", "1h", "--json")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for range 1000 {
		if watches(cmd.Process.Pid) {
			return cmd, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, errors.New("berth trace does not watch")
}

// watches reports whether berth holds the probes that it has on a Go program:
// three tracepoints, a sockops program, and three uprobes.
func watches(pid int) bool {
	n := 0
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range all {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, "anon_inode:bpf") && strings.Contains(to, "link") {
			n++
		}
	}
	return n >= 7
}

func selfCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // it has no error but a bad argument
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func processCPU(s *os.ProcessState) time.Duration { return s.UserTime() + s.SystemTime() }

// work is the program: it warms up, waits for a word, does its load, and says
// what CPU that took.
func (l *traceLoad) work(stdout io.Writer) error {
	do := map[string]func(int) error{"closes": closes, "pooled": pooled}[l.load]
	if do == nil {
		return fmt.Errorf("no load %q", l.load)
	}
	if err := do(100); err != nil {
		return err
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	before := selfCPU()
	if err := do(l.count); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, int64(selfCPU()-before))
	return err
}

// closes connects and closes.
func closes(n int) error {
	for range n {
		c, err := net.Dial("tcp4", "127.0.0.1:"+strconv.Itoa(closesPort))
		if err != nil {
			return err
		}
		c.Close()
	}
	return nil
}

var workClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// pooled sends requests from 16 callers.
func pooled(n int) error {
	const callers = 16
	var all sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		all.Go(func() {
			for range n / callers {
				resp, err := workClient.Get("http://127.0.0.1:" + strconv.Itoa(httpPort) + "/")
				if err != nil {
					errs[i] = err
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
