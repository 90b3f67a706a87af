package main

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the child with the thread that starts it,
// for the ends that run no deferred call: a crash, SIGKILL.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
