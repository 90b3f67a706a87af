//go:build unix

package main

import (
	"os"
	"syscall"
)

// passed are the signals that a command which is traced has from us.
var passed = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}
