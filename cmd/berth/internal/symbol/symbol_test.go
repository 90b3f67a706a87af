package symbol

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestGo compares the frames of a running program's stack with those that its own runtime makes of it, for each way
// to build it.
func TestGo(t *testing.T) {
	needLinux(t)
	tests := []struct {
		name  string
		flags []string
		env   []string
		then  []string // a command on the binary
	}{
		{name: "as it is built"},
		{name: "stripped by the linker", flags: []string{"-ldflags=-s -w"}},
		{name: "stripped by strip", then: []string{"strip"}},
		{name: "trimmed", flags: []string{"-trimpath", "-ldflags=-s -w"}},
		{name: "position-independent", flags: []string{"-buildmode=pie", "-ldflags=-s -w"}},
		{name: "linked by gcc", flags: []string{"-ldflags=-linkmode=external -s -w"}, env: []string{"CGO_ENABLED=1"}},
		{name: "linked by gcc, position-independent", flags: []string{"-buildmode=pie", "-ldflags=-linkmode=external -s -w"}, env: []string{"CGO_ENABLED=1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "stack")
			build := exec.Command("go", slices.Concat([]string{"build", "-o", binary}, tt.flags, []string{"./testdata/stack/main.go"})...)
			build.Env = append(os.Environ(), tt.env...)
			output(t, build)
			if tt.then != nil {
				output(t, exec.Command(tt.then[0], append(tt.then[1:], binary)...))
			}
			compareStack(t, binary)
		})
	}
}

func needLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc/PID/maps")
	}
}

func output(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, out)
	}
}

// compareStack runs the program and looks at the stack that it prints.
func compareStack(t *testing.T, binary string) {
	t.Helper()
	type frame struct {
		Function, File string
		Line           int
	}
	var said struct {
		PCs    []uint64
		Frames []frame
	}
	pid := start(t, binary, &said)
	p, err := Open(&Files{}, pid)
	if err != nil {
		t.Fatal(err)
	}
	var got []frame
	for i := 0; i < len(said.PCs); {
		all := p.Frames(said.PCs[i], true)
		for _, f := range all {
			got = append(got, frame{f.Function, f.File, f.Line})
		}
		i += len(all) // runtime.Callers has an address for each frame, though the stack has one for all that were inlined
	}
	if !slices.Equal(got, said.Frames) {
		t.Errorf("got  %v\nwant %v", got, said.Frames)
	}
}

func start(t *testing.T, binary string, said any) (pid int) {
	t.Helper()
	c := exec.Command(binary)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); c.Wait() })
	if err := json.NewDecoder(stdout).Decode(said); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}
