package main

import "syscall"

// diesWithUs makes a test that hangs end when this program is killed.
func diesWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
