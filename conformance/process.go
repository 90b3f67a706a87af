package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A process is one run of the test binary.
type process struct {
	bin, dir string
	env      []string
	test     string
	skip     []string      // patterns of subtests to leave out
	quiet    time.Duration // is taken for a hang
	total    time.Duration // at most
}

// run runs the process to its end, and returns what it printed and how it ended.
func (p *process) run(ctx context.Context) (*output, end, error) {
	cmd := p.command()
	// A pipe of our own: cmd's would make Wait wait for a child of the test's,
	// too, that still holds it.
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, end{}, err
	}
	defer pr.Close()
	cmd.Stdout, cmd.Stderr = pw, pw
	err = cmd.Start()
	pw.Close()
	if err != nil {
		return nil, end{}, err
	}
	out := newOutput(p.test)
	read := make(chan struct{})
	go func() { defer close(read); out.read(pr) }()
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()

	e := p.wait(ctx, cmd.Process, out, exited)
	select {
	case <-read:
	case <-time.After(time.Second):
		pr.SetReadDeadline(time.Now())
		<-read
	}
	return out, e, nil
}

func (p *process) command() *exec.Cmd {
	args := []string{"-test.run", "^" + p.test + "$", "-test.v=test2json", "-test.timeout", "0"}
	if len(p.skip) > 0 {
		args = append(args, "-test.skip", strings.Join(p.skip, "|"))
	}
	cmd := exec.Command(p.bin, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.env...)
	cmd.SysProcAttr = diesWithUs()
	return cmd
}

// wait waits until the process has exited. If it shows no progress for too long,
// it is asked for its goroutines, which ends it, and then killed.
func (p *process) wait(ctx context.Context, proc *os.Process, out *output, exited <-chan error) (e end) {
	over := time.Now().Add(p.total)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	done := ctx.Done()
	for {
		select {
		case e.exit = <-exited:
			return e
		case <-done:
			proc.Kill()
			done = nil
		case now := <-tick.C:
			if e.hung == 0 && (out.quiet() > p.quiet || now.After(over)) {
				e.hung = p.quiet
				out.expectDump()
				proc.Signal(syscall.SIGQUIT)
				kill := time.AfterFunc(2*time.Second, func() { proc.Kill() })
				defer kill.Stop()
			}
		}
	}
}
