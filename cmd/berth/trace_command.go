package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"os/signal"
	"syscall"

	"github.com/berth-go/berth/cmd/berth/internal/tracer"
)

// An exitError ends the process with a code of its own: that of a command, or of why it was not run.
type exitError struct {
	code int
	err  error // nil where there is nothing to say
}

func (e exitError) Error() string { return fmt.Sprint(e.err) }
func (e exitError) Unwrap() error { return e.err }

// Exit codes of a command that was not run, as env and others have them.
const (
	exitCannotRun = 126
	exitNotFound  = 127
)

// traceCommand runs a command and watches it, and what it starts, until it ends.
func traceCommand(c *command, r *traceReport, args []string) error {
	path, err := osexec.LookPath(args[0])
	if err != nil {
		return notRun(err)
	}
	t, err := tracer.Start(tracer.Options{Command: path})
	if err != nil {
		return err
	}
	defer t.Close()
	cmd := osexec.Command(path, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
	if err := t.Run(cmd.Start); err != nil {
		return notRun(err)
	}
	stop := passSignals(c.Context(), cmd.Process)
	waited := cmd.Wait()
	stop()
	b, err := t.Bill()
	if err != nil {
		return err
	}
	if err := errors.Join(t.Close(), r.print(b)); err != nil {
		return err
	}
	return ended(cmd.ProcessState, waited)
}

func notRun(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, osexec.ErrNotFound) {
		return exitError{exitNotFound, err}
	}
	return exitError{exitCannotRun, err}
}

// ended is how a command ended, as an error: nil is a success.
func ended(s *os.ProcessState, waited error) error {
	if s == nil {
		return waited
	}
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitError{128 + int(status.Signal()), nil}
	}
	if code := s.ExitCode(); code != 0 {
		return exitError{code, nil}
	}
	return nil
}

// passSignals has the command have what it would have had without us. A Ctrl-C goes to it from the terminal, with
// all that is in the foreground; what is sent to us alone is passed on.
func passSignals(ctx context.Context, p *os.Process) (stop func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case s := <-signals:
				p.Signal(s)
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
		<-ended
	}
}
