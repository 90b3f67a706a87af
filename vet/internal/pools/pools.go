// Package pools is the table of what holds connections for many uses: types and
// constructors of widely used clients. pools.txt is all there is to it.
package pools

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
)

// A Pool is what one line says.
type Pool struct {
	What string // what it is, for people: "http.Transport"
	HTTP bool   // it is net/http's pool, or has one of its own
}

// A Table has functions as path.Name or (path.Type).Name, and types as path.Type.
type Table map[string]Pool

//go:embed pools.txt
var builtin string

var standard = sync.OnceValue(func() Table {
	t := Table{}
	if err := t.read(strings.NewReader(builtin), "pools.txt"); err != nil {
		panic(err)
	}
	return t
})

// Standard returns the table that comes with this package. It is not to be changed.
func Standard() Table { return standard() }

// With returns the table with the lines of a file added, or without a file itself.
func (t Table) With(file string) (Table, error) {
	if file == "" {
		return t, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	more := maps.Clone(t)
	return more, more.read(f, file)
}

// read adds lines: a kind, http or pool, a function or type, and what it is.
func (t Table) read(r io.Reader, file string) error {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "http" && f[0] != "pool" {
			return fmt.Errorf("%s:%d: a line has http or pool, a function or type, and what it is", file, n)
		}
		t[f[1]] = Pool{What: strings.Join(f[2:], " "), HTTP: f[0] == "http"}
	}
	return lines.Err()
}

// Packages returns the import paths that the table knows.
func (t Table) Packages() map[string]bool {
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
