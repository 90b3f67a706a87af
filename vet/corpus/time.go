package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/berth-go/berth/vet/govet"
)

// compareRounds are measured of each, in turns.
const compareRounds = 5

// compare has go vet's own analyzers and ours look at a module whose dependencies
// are compiled, and of which a file has just changed.
func compare(ctx context.Context, name, dir string) error {
	i := slices.IndexFunc(modules, func(m module) bool { return m.name == name })
	if i < 0 {
		return fmt.Errorf("no module %q in modules.txt", name)
	}
	m := modules[i]
	dir = filepath.Join(dir, m.name)
	if _, err := look(ctx, m, dir); err != nil { // which compiles
		return err
	}
	changed, err := oneFile(dir)
	if err != nil {
		return err
	}
	var theirs, ours []time.Duration
	for n := range 2*compareRounds + 2 {
		// What nobody compiled before, in another run either: that is in go's cache.
		if err := appendTo(changed, fmt.Sprintf("// %d\n", time.Now().UnixNano())); err != nil {
			return err
		}
		began := time.Now()
		if n%2 == 0 {
			cmd := exec.CommandContext(ctx, "go", append([]string{"vet"}, strings.Fields(m.packages)...)...)
			cmd.Dir = dir
			cmd.Run() // what it reports is of no interest
		} else if _, err := govet.Run(ctx, govet.Options{Dir: dir, Packages: strings.Fields(m.packages)}); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch took := time.Since(began).Round(10 * time.Millisecond); {
		case n < 2: // warms up
		case n%2 == 0:
			theirs = append(theirs, took)
		default:
			ours = append(ours, took)
		}
	}
	slices.Sort(theirs)
	slices.Sort(ours)
	a, b := ours[compareRounds/2], theirs[compareRounds/2]
	fmt.Printf("%s %s, a file changed: %v, go vet %v, medians of %d: %.2f\n", m.path, m.version, a, b, compareRounds, a.Seconds()/b.Seconds())
	return nil
}

// oneFile is a file of the module's root that is compiled.
func oneFile(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, f := range files {
		if !strings.HasSuffix(f, "_test.go") {
			return f, err
		}
	}
	return "", fmt.Errorf("%s has no file of Go in its root", dir)
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
