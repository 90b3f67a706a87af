package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// labVerb makes this program the lab that check is measured in. It is for itself
// only.
const labVerb = "checklab"

func canCheck() error {
	if os.Geteuid() != 0 {
		return errors.New("it needs root for a network namespace")
	}
	for _, tool := range []string{"ss", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("there is no %s: apt-get install iproute2", tool)
		}
	}
	return nil
}

// checkInLab measures in a child, whose network namespace is its own.
func checkInLab(ctx context.Context, o *options, berth string, sockets int) (results []checkResult, err error) {
	err = inLab(ctx, &results, labVerb, "-berth", berth, "-sockets", strconv.Itoa(sockets), "-rounds", strconv.Itoa(o.rounds))
	return results, err
}

// inLab runs this program once more, in a network namespace of its own, and reads
// the JSON that it prints.
func inLab(ctx context.Context, into any, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, stderr.Bytes())
	}
	return json.Unmarshal(out, into)
}

// lab is the child.
func lab(args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet(labVerb, flag.ContinueOnError)
	f.SetOutput(stderr)
	berth := f.String("berth", "", "the berth `program`")
	sockets := f.Int("sockets", 0, "`number` of sockets")
	rounds := f.Int("rounds", 1, "`number` of rounds")
	if err := f.Parse(args); err != nil {
		return 2
	}
	results, err := runLab(*berth, *sockets, *rounds)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(results)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func runLab(berth string, sockets, rounds int) ([]checkResult, error) {
	if err := setUpLab(); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := makeSockets(sockets); err != nil {
		return nil, err
	}
	results := []checkResult{{Name: nameBerthCheck}, {Name: "ss -tan"}}
	commands := [][]string{{berth, "check", "--json"}, {"ss", "-tan"}}
	cpu := make([][]float64, len(commands))
	for range rounds {
		for i, c := range commands {
			one, err := timeProcess(c)
			if err != nil {
				return nil, err
			}
			r := &results[i]
			r.Rounds = append(r.Rounds, one.Millis)
			cpu[i] = append(cpu[i], one.CPU)
			r.Peak = max(r.Peak, one.Peak)
		}
	}
	if took := time.Since(start); took > 55*time.Second {
		return nil, fmt.Errorf("it took %v, and after a minute the first sockets are gone", took)
	}
	for i := range results {
		results[i].Sockets = sockets
		results[i].Millis = median(results[i].Rounds)
		results[i].CPU = median(cpu[i])
	}
	return results, nil
}

func setUpLab() error {
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("loopback: %w\n%s", err, out)
	}
	for name, value := range map[string]string{
		"tcp_tw_reuse":       "0",
		"tcp_max_tw_buckets": "1000000",
	} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// timeProcess runs a command, whose output nobody reads. That berth finds
// something is no error.
func timeProcess(args []string) (r checkResult, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	start := time.Now()
	err = cmd.Run()
	r.Millis = float64(time.Since(start).Microseconds()) / 1e3
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() > 1 {
		return r, fmt.Errorf("%v: %w", args, err)
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	r.CPU = float64((u.Utime.Nano()+u.Stime.Nano())/1e3) / 1e3
	r.Peak = float64(u.Maxrss) / 1024
	return r, nil
}

const (
	labFirst, labPorts = 32768, 28232 // the kernel's range
	labPart            = 25_000       // sockets to one destination
	labLive            = 100          // of them all
)

// makeSockets leaves so many in TIME_WAIT, to as many destinations as they need,
// a few live ones among them. Two at a time, since a minute is all there is.
func makeSockets(n int) error {
	var wg sync.WaitGroup
	parts := make(chan labDestination)
	errs := make([]error, 2)
	for worker := range errs {
		wg.Go(func() {
			for d := range parts {
				if errs[worker] == nil {
					errs[worker] = d.fill()
				}
			}
		})
	}
	live := labLive
	for i := 0; n > 0; i++ {
		part := min(n, labPart)
		parts <- labDestination{netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)}), part, live}
		n, live = n-part, 0
	}
	close(parts)
	wg.Wait()
	return errors.Join(errs...)
}

// A labDestination is an address with a listener, so many sockets to it, and so
// many of these that stay open.
type labDestination struct {
	addr          netip.Addr
	sockets, live int
}

// fill makes each connection from a port that it names, since connect would
// search for one longer and longer.
func (d labDestination) fill() error {
	at := &syscall.SockaddrInet4{Addr: d.addr.As4(), Port: 8080}
	l, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(syscall.Bind(l, at), syscall.Listen(l, 16)); err != nil {
		return err
	}
	for i := range d.sockets {
		// The half that connect tries first comes first, as it would.
		port := labFirst + (2*i)%labPorts + (2*i)/labPorts
		if err := d.connect(l, at, port, i < d.live); err != nil {
			return fmt.Errorf("from port %d: %w", port, err)
		}
	}
	return nil
}

func (d labDestination) connect(l int, at syscall.Sockaddr, port int, stay bool) error {
	const ipLocalPortRange = 51
	c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := syscall.SetsockoptInt(c, syscall.IPPROTO_IP, ipLocalPortRange, port<<16|port); err != nil {
		return err
	}
	if err := syscall.Connect(c, at); err != nil {
		return err
	}
	s, _, err := syscall.Accept4(l, syscall.SOCK_CLOEXEC)
	if err != nil || stay {
		return err
	}
	return errors.Join(syscall.Close(c), syscall.Close(s))
}
