package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	osexec "os/exec"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

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
	signals := catchSignals()
	defer signals.stop()
	t, err := startTracer(tracer.Options{Command: path})
	if err != nil {
		return err
	}
	defer t.Close()
	if err := c.Context().Err(); err != nil {
		return err
	}
	cmd := osexec.Command(path, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
	if err := t.Run(cmd.Start); err != nil {
		return notRun(err)
	}
	signals.pass(cmd.Process, fromTerminal(c.InOrStdin()))
	waited := cmd.Wait()
	signals.stop()
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

// signals are those that are for the command. While it runs, none of them ends us, since our report is to come.
type signals struct {
	caught chan os.Signal
	done   chan struct{}
	once   sync.Once
	passed sync.WaitGroup
}

func catchSignals() *signals {
	s := &signals{caught: make(chan os.Signal, 16), done: make(chan struct{})}
	signal.Notify(s.caught, passed...)
	return s
}

// pass has the command have what it would have had without us. A Ctrl-C on its terminal goes to it by itself, with all
// that is in the foreground.
func (s *signals) pass(to *os.Process, hasTerminal bool) {
	s.passed.Go(func() {
		for {
			select {
			case sig := <-s.caught:
				if sig != os.Interrupt || !hasTerminal {
					to.Signal(sig)
				}
			case <-s.done:
				return
			}
		}
	})
}

func (s *signals) stop() {
	s.once.Do(func() {
		signal.Stop(s.caught)
		close(s.done)
	})
	s.passed.Wait()
}

func fromTerminal(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
