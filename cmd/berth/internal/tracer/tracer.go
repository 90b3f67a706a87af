// Package tracer watches what processes connect to, by eBPF: it wires the kernel's counts, the symbols of the
// processes and what /proc tells of them into a bill.Bill.
package tracer

// Options say whom to watch. One of PID, All, Cgroup and Command is set.
type Options struct {
	PID     int
	All     bool
	Cgroup  string // the folder of a cgroup, or its path in the hierarchy
	Command string // the executable of a program that Run will start
}
