package govet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// client leaves a body open for each call of what it exports, in line 8, and for each
// turn of a loop, in line 15.
const client = `
-- client/client.go --
package client

import "net/http"

type Client struct{}

func (Client) Fetch(url string) error {
	resp, err := http.Get(url)
	_ = resp
	return err
}

func All(urls []string) {
	for _, url := range urls {
		http.Get(url)
	}
}
`

// What is wrong only if others call it often is left out of what commands alone come
// to.
func TestModule(t *testing.T) {
	internal := strings.ReplaceAll(client, "-- client/", "-- internal/client/")
	const server = "package main\n\nimport (\n\t\"net/http\"\n\n\t_ \"example.com/a/%s\"\n)\n\nfunc main() { http.ListenAndServe(\":80\", nil) }\n"
	use := func(file, pkg, path string) string {
		return fmt.Sprintf("-- %s --\npackage %s\n\nimport _ \"example.com/a/%s\"\n\nfunc main() {}\n", file, pkg, path)
	}
	const both, loop = "8 15", "15"
	const pools = "package main\n\nimport \"database/sql\"\n\nfunc main() {\n\tfor range 3 {\n\t\tdb, _ := sql.Open(\"pgx\", \"dsn\")\n\t\tdb.Close()\n\t}\n}\n"
	for _, c := range []struct{ name, files, want string }{
		{"a command", client + use("main.go", "main", "client"), loop},
		{"a server", client + fmt.Sprintf("-- main.go --\n"+server, "client"), both},
		{"a command, through another package", client + use("other/other.go", "other", "client") + use("main.go", "main", "other"), loop},
		{"a command, and a server", client + use("main.go", "main", "client") + fmt.Sprintf("-- serve/main.go --\n"+server, "client"), both},
		{"a library", client, both},
		{"a library with a command", client + use("cmd/a/main.go", "main", "client"), both},
		{"a library called cli, with a command", client + use("cmd/a/main.go", "main", "client"), both},
		{"what a library's command has for itself", internal + use("cmd/a/main.go", "main", "internal/client") + "-- a.go --\npackage a\n", loop},
		{"what a library's command has for itself, in two packages", internal + use("cmd/a/main.go", "main", "cmd/a/b") + use("cmd/a/b/b.go", "b", "internal/client") + "-- a.go --\npackage a\n", loop},
		{"what a library has for itself", internal + use("cmd/a/main.go", "main", "internal/client") + use("a.go", "a", "internal/client"), both},
		{"what only tests use", internal + "-- a.go --\npackage a\n" + use("a_test.go", "a", "internal/client"), ""},
		{"what only tests with a tag use", internal + "-- a.go --\npackage a\n" + strings.Replace(use("a_test.go", "a", "internal/client"), "package", "//go:build functional\n\npackage", 1), ""},
		{"what nobody uses", internal + "-- a.go --\npackage a\n" + use("internal/client/c_test.go", "client_test", "internal/client"), both},
		{"a command that serves elsewhere", client + use("main.go", "main", "client") + "-- a_plan9.go --\npackage main\n\nimport \"net\"\n\nvar listen = net.Listen\n", both},
		{"what is used on another system", internal + "-- a.go --\npackage a\n" + use("a_plan9.go", "a", "internal/client"), both},
		{"what is not used", client + "-- main.go --\npackage main\n\nfunc main() {}\n", both},
		{"a program that makes pools", "-- main.go --\n" + pools, "7"},
		{"a command that makes pools", "-- cmd/a/main.go --\n" + pools, ""},
		{"a command with a tunnel that makes pools", "-- cmd/a/main.go --\n" + pools + "-- cmd/a/tunnel.go --\npackage main\n\nimport \"net\"\n\nvar tunnel, err = net.Listen(\"tcp\", \"localhost:0\")\n", ""},
		{"a server that makes pools", "-- cmd/a/main.go --\n" + pools + "-- cmd/a/serve.go --\npackage main\n\nimport \"net\"\n\nvar listen = net.Listen\n", "7"},
		{"a folder of a command that does not parse", client + use("main.go", "main", "client") + "-- b.go --\npackage main\n\nfunc\n", both},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := c.files
			if strings.Contains(c.name, "called cli") {
				files = strings.ReplaceAll("-- go.mod --\nmodule example.com/cli\n\ngo 1.26\n"+files, "example.com/a", "example.com/cli")
			}
			dir := newModule(t, files)
			reports, err := Run(t.Context(), Options{Dir: dir, Packages: []string{"./..."}, Tool: buildTool(t)})
			if err != nil && !strings.Contains(c.name, "not parse") {
				t.Fatal(err)
			}
			var lines []string
			for _, r := range reports {
				lines = append(lines, fmt.Sprint(r.Line))
			}
			if got := strings.Join(lines, " "); got != c.want {
				t.Errorf("reports in %q, want %q", got, c.want)
			}
		})
	}
}

// Outside of modules, nobody knows who calls what: it is reported.
func TestOutsideModules(t *testing.T) {
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(client)).Files {
		if err := os.WriteFile(filepath.Join(dir, "client.go"), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOWORK", "off")
	reports, err := Run(t.Context(), Options{Dir: dir, Packages: []string{"client.go"}, Tool: buildTool(t)})
	if err != nil || len(reports) != 2 {
		t.Errorf("%v, %v", reports, err)
	}
}
