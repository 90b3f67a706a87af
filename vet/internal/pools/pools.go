// Package pools is the table of what holds connections for many uses: types and
// constructors of widely used clients. pools.txt is all there is to it.
package pools

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"strings"
)

// A Pool is what one line says.
type Pool struct {
	What string // what it is, for people: "http.Transport"
	HTTP bool   // it is net/http's pool, or has one of its own
	Off  bool   // and that keeps no connections
}

// A Table has functions as path.Name or (path.Type).Name, and types as path.Type.
type Table map[string]Pool

//go:embed pools.txt
var builtin string

// all is what comes with this package, and what Extend added.
var all = func() Table {
	t := Table{}
	if err := t.read(strings.NewReader(builtin), "pools.txt"); err != nil {
		panic(err)
	}
	return t
}()

// packages are the import paths in all.
var packages = all.packages()

// Of returns the part of the table that is net/http's, or the rest.
func Of(http bool) Table {
	t := Table{}
	for name, p := range all {
		if p.HTTP == http {
			t[name] = p
		}
	}
	return t
}

// Knows reports whether the table has a function or type.
func Knows(name string) bool {
	_, ok := all[name]
	return ok
}

// Makes reports whether the table has something of the package.
func Makes(path string) bool { return packages[path] }

// Extend adds the lines of a file. It is for a flag: before any analyzer runs.
func Extend(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := all.read(f, file); err != nil {
		return err
	}
	packages = all.packages()
	return nil
}

// read adds lines: a kind, http, off or pool, a function or type, and what it is.
func (t Table) read(r io.Reader, file string) error {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "http" && f[0] != "off" && f[0] != "pool" {
			return fmt.Errorf("%s:%d: a line has http, off or pool, a function or type, and what it is", file, n)
		}
		t[f[1]] = Pool{What: strings.Join(f[2:], " "), HTTP: f[0] != "pool", Off: f[0] == "off"}
	}
	return lines.Err()
}

func (t Table) packages() map[string]bool {
	paths := map[string]bool{}
	for name := range t {
		name = strings.TrimPrefix(name, "(")
		dot := strings.LastIndexByte(name, '/') + 1
		if i := strings.IndexByte(name[dot:], '.'); i >= 0 {
			paths[name[:dot+i]] = true
		}
	}
	return paths
}
