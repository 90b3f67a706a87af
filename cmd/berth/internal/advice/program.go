package advice

import (
	"debug/buildinfo"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

// mostPrograms is how many executables are looked into. An answer in time is worth more than the last of them.
const mostPrograms = 8

// Look finds out which owners are Go programs, whose names do not tell, by what the toolchain wrote into their
// executables. It is the one thing here that reads files: executable is where that of a process is.
func Look(owners []ports.Owner, executable func(pid int) string) {
	looked := 0
	for i := range owners {
		o := &owners[i]
		if o.Go || looked == mostPrograms || named(*o) != nil {
			continue
		}
		looked++
		_, err := buildinfo.ReadFile(executable(o.PID))
		o.Go = err == nil
	}
}
