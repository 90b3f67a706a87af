package govet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/berth-go/berth/vet"
)

// IsTool reports whether go vet runs this program as its tool, by its arguments:
// then it is to call Tool before it does anything else.
func IsTool(args []string) bool {
	switch n := len(args) - 1; {
	case n < 0:
		return false
	case strings.HasSuffix(args[n], ".cfg"): // behind flags and their values, if there are any
		return n == 0 || strings.HasPrefix(args[0], "-")
	default:
		return n == 0 && (args[0] == "-V=full" || args[0] == "-flags")
	}
}

// Tool is what go vet wants of its tool. It does not return.
func Tool() {
	if os.Args[1] == "-V=full" {
		// unitchecker says where it is, too, which go vet can't read if a space is in it.
		sum, err := ToolSum()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		fmt.Printf("berth version devel buildID=%s\n", sum)
		os.Exit(0)
	}
	unitchecker.Main(vet.Analyzers()...)
}

// ToolSum is what go vet knows this program by: what another has found is found anew.
func ToolSum() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	return sumOf(exe)
}

// sumOf is the SHA-256 of a file.
func sumOf(file string) (string, error) {
	text, err := os.ReadFile(file)
	return fmt.Sprintf("%x", sha256.Sum256(text)), err
}

// tooOld is an error if the go command there is of a newer Go than this program was built
// with, which then can't read the code of its standard library: go vet says that of each
// package with an exit status only.
func tooOld(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	cmd.Dir = dir
	out, err := cmd.Output()
	theirs := strings.TrimSpace(string(out))
	ours := version.Lang(runtime.Version()) // empty, of one that is no release
	if err != nil || ours == "" || version.Compare(version.Lang(theirs), ours) <= 0 {
		return nil
	}
	return fmt.Errorf("berth was built with %s, and the go command there is %s: build it with that (GOTOOLCHAIN=%[2]s go install)", runtime.Version(), theirs)
}
