// Package pools is the table of what holds connections for many uses: types and
// constructors of widely used clients. pools.txt is all there is to it.
package pools

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// A Pool is what one line says.
type Pool struct {
	What string // what it is, for people: "http.Transport"
	HTTP bool   // it is net/http's pool, or has one of its own
	Off  bool   // and that keeps no connections
}

// A Table has functions as path.Name or (path.Type).Name, and types as path.Type. A star
// in a path stands for one of its elements.
type Table struct {
	named map[string]Pool
	like  []pattern
}

// A pattern is a line with a star.
type pattern struct {
	path, name string // of its package, and behind that
	pool       Pool
}

//go:embed pools.txt
var builtin string

// all is what comes with this package, and what Extend added.
var all = func() *Table {
	t := &Table{named: map[string]Pool{}}
	if err := t.read(strings.NewReader(builtin), "pools.txt"); err != nil {
		panic(err)
	}
	return t
}()

// packages are the import paths in all.
var packages = all.packages()

// Of returns the part of the table that is net/http's, or the rest.
func Of(http bool) *Table {
	t := &Table{named: map[string]Pool{}}
	for name, p := range all.named {
		if p.HTTP == http {
			t.named[name] = p
		}
	}
	for _, l := range all.like {
		if l.pool.HTTP == http {
			t.like = append(t.like, l)
		}
	}
	return t
}

// Find returns what the table has of a function or type: nothing, if there is no table.
func (t *Table) Find(name string) (p Pool, ok bool) {
	if t == nil {
		return p, false
	}
	if p, ok = t.named[name]; ok || strings.HasPrefix(name, "(") {
		return p, ok && p.What != ""
	}
	pkg, fn := cut(name)
	for _, l := range t.like {
		if l.name != fn {
			continue
		}
		if ok, _ := path.Match(l.path, pkg); ok {
			return l.pool, true
		}
	}
	return p, false
}

// Knows reports whether the table has a function or type.
func Knows(name string) bool {
	_, ok := all.Find(name)
	return ok
}

// Makes reports whether the table has something of the package.
func Makes(pkg string) bool {
	return packages[pkg] || slices.ContainsFunc(all.like, func(l pattern) bool {
		ok, _ := path.Match(l.path, pkg)
		return ok
	})
}

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

// Check returns what is wrong with such a file.
func Check(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	t := Table{named: map[string]Pool{}}
	return t.read(f, file)
}

// read adds lines: a kind, http, off, pool, or none for what a star means too and is no
// pool; a function or type; and what it is.
func (t *Table) read(r io.Reader, file string) error {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 3 || !slices.Contains([]string{"http", "off", "pool", "none"}, f[0]) {
			return fmt.Errorf("%s:%d: a line has http, off, pool or none, a function or type, and what it is", file, n)
		}
		p := Pool{What: strings.Join(f[2:], " "), HTTP: f[0] != "pool", Off: f[0] == "off"}
		if f[0] == "none" {
			p = Pool{}
		}
		pkg, name := cut(f[1])
		if !strings.Contains(pkg, "*") {
			t.named[f[1]] = p
			continue
		}
		if _, err := path.Match(pkg, ""); err != nil || strings.HasPrefix(f[1], "(") {
			return fmt.Errorf("%s:%d: a star is for functions and types, as example.com/*.New", file, n)
		}
		t.like = append(t.like, pattern{pkg, name, p})
	}
	return lines.Err()
}

func (t *Table) packages() map[string]bool {
	paths := map[string]bool{}
	for name := range t.named {
		pkg, _ := cut(strings.TrimPrefix(name, "("))
		paths[pkg] = true
	}
	return paths
}

// cut takes a name apart: the import path of its package, and what is behind that.
func cut(name string) (pkg, rest string) {
	at := strings.LastIndexByte(name, '/') + 1
	pkg, rest, _ = strings.Cut(name[at:], ".")
	return name[:at] + pkg, rest
}
