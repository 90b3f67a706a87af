package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// A machine is where the figures come from.
type machine struct {
	Go   string `json:"go"`
	OS   string `json:"os"`
	CPUs int    `json:"cpus"`
	Load string `json:"load,omitzero"` // over the last minute, before we began; Linux only
}

func thisMachine() machine {
	m := machine{Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU()}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(b), " ")
	}
	return m
}

func (m machine) String() string {
	s := fmt.Sprintf("%s, %s, %d CPUs", m.Go, m.OS, m.CPUs)
	if m.Load != "" {
		s += ", load " + m.Load
	}
	return s
}
