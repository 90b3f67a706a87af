package main

import (
	"runtime"
	"syscall"
	"time"
)

// A usage is what this process has used so far.
type usage struct {
	at      time.Time
	cpu     time.Duration // user and system, all threads, garbage collection too
	mallocs uint64
	bytes   uint64 // allocated, not held
}

func readUsage() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // it has no error but a bad argument
	}
	return usage{
		at:      time.Now(),
		cpu:     time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		mallocs: m.Mallocs,
		bytes:   m.TotalAlloc,
	}
}

// A sample is what one request cost, on average over a turn.
type sample struct {
	CPU         float64 `json:"cpu_us"` // microseconds
	Allocs      float64 `json:"allocs"`
	Bytes       float64 `json:"bytes"` // allocated
	PerSecond   float64 `json:"requests_per_second"`
	Connections int     `json:"connections"` // dialed in all
	DialedLate  int     `json:"dialed_late"` // connections that were not made in the warm-up
	Held        int     `json:"held"`        // connections that were open after the warm-up or dialed late
	coldStart
}

// A coldStart is what the callers' first requests took, that begin at once.
type coldStart struct {
	ColdDials  int     `json:"cold_dials"`
	ColdMillis float64 `json:"cold_ms"` // until the last answer
}

// since is the cost of each of n requests from before to u.
func (u usage) since(before usage, n int) sample {
	each := 1 / float64(n)
	return sample{
		CPU:       float64((u.cpu - before.cpu).Nanoseconds()) / 1e3 * each,
		Allocs:    float64(u.mallocs-before.mallocs) * each,
		Bytes:     float64(u.bytes-before.bytes) * each,
		PerSecond: float64(n) / u.at.Sub(before.at).Seconds(),
	}
}
