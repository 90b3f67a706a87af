package govet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

const output = `# example.com/a
{
	"example.com/a": {
		"newtransport": [
			{
				"posn": "/src/a/b.go:7:3",
				"end": "/src/a/b.go:7:9",
				"message": "second",
				"related": [{"posn": "/src/a/b.go:7:3", "end": "", "message": "do this"}]
			},
			{"posn": "/src/a/a.go:3:1", "end": "", "message": "first"}
		]
	}
}
# example.com/a [example.com/a.test]
{
	"example.com/a": {
		"newtransport": [{"posn": "/src/a/b.go:7:3", "end": "", "message": "second"}]
	}
}
go: downloading example.com/b v1.0.0
{}
`

func TestRead(t *testing.T) {
	reports, rest, err := read(strings.NewReader(output))
	if err != nil || rest != "" {
		t.Fatalf("%q, %v", rest, err)
	}
	reports, err = order(reports, "/src/a")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range reports {
		got = append(got, r.File+" "+r.Message+" "+r.Do)
	}
	if want := []string{"a.go first ", "b.go second do this"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadTroubles(t *testing.T) {
	for in, want := range map[string]string{
		"# a\n./a.go:3:1: undefined: x\n":           "./a.go:3:1: undefined: x",
		`{"a": {"newpool": {"error": "no table"}}}`: "a: newpool: no table",
		`{"a": {"newpool": [{"posn": "nowhere"}]}}`: `a: newpool: "nowhere" is no position`,
		"{\"a\": \n": "go vet -json: unexpected EOF",
		"no required module provides package x; to add it:\n\tgo get x\n": "no required module provides package x; to add it: go get x",
		"package a\n\timports b\n\timports a: import cycle\n\n":           "package a imports b imports a: import cycle",
		"./a.go:1:1: one\n./a.go:2:1: two\n":                              "./a.go:1:1: one\n./a.go:2:1: two",
	} {
		_, rest, err := read(strings.NewReader(in))
		got := rest
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A go command of a newer Go fails for each package, and does not say why.
func TestTooOld(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\n[ $1 = env ] && { echo go1.99.1; exit; }\necho 'errors: /bin/berth: exit status 1' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	_, err := Run(t.Context(), Options{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "build it with that (GOTOOLCHAIN=go1.99.1 go install)") {
		t.Errorf("got %v", err)
	}
}

func TestApply(t *testing.T) {
	text := "package a\n\nvar x, y = 1, 2\n"
	at := strings.Index(text, "1")
	fix := func(start, end int, to string) *Report {
		return &Report{path: "a.go", edits: []edit{{"a.go", start, end, to}}}
	}
	first, last := fix(at, at+1, "10"), fix(at+3, at+4, "20")
	overlaps, beyond, other := fix(at, at+4, "0, 0"), fix(90, 91, ""), fix(0, 0, "")
	other.edits[0].Filename = "b.go"
	got, err := apply([]byte(text), []*Report{first, overlaps, beyond, other, last})
	if want := "package a\n\nvar x, y = 10, 20\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if !first.Fixed || !last.Fixed || overlaps.Fixed || beyond.Fixed || other.Fixed {
		t.Error("the wrong ones are marked as fixed")
	}
}

// A file keeps its line ends, and is formatted if it was.
func TestApplyKeeps(t *testing.T) {
	for text, want := range map[string]string{
		"package a\n\nvar (\n\tlong = 1\n\tb    = 2\n)\n":             "package a\n\nvar (\n\tb = 2\n)\n",
		"package a\r\n\r\nvar (\r\n\tlong = 1\r\n\tb    = 2\r\n)\r\n": "package a\r\n\r\nvar (\r\n\tb = 2\r\n)\r\n",
		"package a\nvar (\nlong = 1\nb    = 2\n)\n":                   "package a\nvar (\nb    = 2\n)\n",
		"package a\r\n\nvar (\n\tlong = 1\n\tb    = 2\n)\n":           "package a\r\n\nvar (\n\tb    = 2\n)\n",
	} {
		at := strings.Index(text, "long")
		for at > 0 && text[at-1] == '\t' {
			at--
		}
		end := at + strings.Index(text[at:], "\n") + 1
		got, err := apply([]byte(text), []*Report{{path: "a.go", edits: []edit{{"a.go", at, end, ""}}}})
		if err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

// A fix that does not compile is taken back, and others are not; nor is what is fixed
// beside it reported where it was.
func TestFix(t *testing.T) {
	const text = `package a

import "net/http"

var unused = &http.Transport{DisableKeepAlives: true, MaxIdleConns: 100}

func f() {
	t := *unused
	t.DisableKeepAlives = true
}

var other = &http.Transport{
	DisableKeepAlives: true,
}
`
	dir := newModule(t, "-- a.go --\n"+text)
	o := Options{Dir: dir, Tool: buildTool(t)}
	reports, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	reports, err = Fix(t.Context(), o, reports)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range reports {
		got = append(got, fmt.Sprintf("%d %s %v %s", r.Line, r.Analyzer, r.Fixed, r.Do))
	}
	const do = "delete it, and close bodies: connections are used again"
	want := []string{
		"5 keepalivesoff true " + do, // one at a time, since one of them fails
		"5 idleperhost true set MaxIdleConnsPerHost too, to as many requests as run to one host at once",
		"13 keepalivesoff true " + do,
		"9 keepalivesoff false " + do + " (--fix does not: it would not compile)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	const after = `package a

import "net/http"

var unused = &http.Transport{MaxIdleConnsPerHost: 100, MaxIdleConns: 100}

func f() {
	t := *unused
	t.DisableKeepAlives = true
}

var other = &http.Transport{}
`
	if text, _ := os.ReadFile(filepath.Join(dir, "a.go")); string(text) != after {
		t.Errorf("the file is now %s", text)
	}
}

// A fix that is interrupted is taken back, but not from what somebody else has written.
func TestUndo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.go")
	c := change{name: "a.go", before: []byte("before"), after: []byte("after")}
	for now, want := range map[string]string{"after": "before", "aft": "before", "": "before", "before": "before", "another": "another"} {
		if err := os.WriteFile(file, []byte(now), 0o600); err != nil {
			t.Fatal(err)
		}
		err := c.undo(file)
		if got, _ := os.ReadFile(file); string(got) != want || (err != nil) != (now == "another") {
			t.Errorf("%q is %q then, %v; want %q", now, got, err, want)
		}
	}

	dir := newModule(t, "-- a.go --\n"+fmt.Sprintf(off, "a"))
	o := Options{Dir: dir, Tool: buildTool(t)}
	reports, err := Run(t.Context(), o)
	if err != nil || len(reports) != 1 {
		t.Fatal(reports, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reports, err = Fix(ctx, o, reports)
	if text, _ := os.ReadFile(filepath.Join(dir, "a.go")); !errors.Is(err, context.Canceled) || reports[0].Fixed || string(text) != fmt.Sprintf(off, "a") {
		t.Errorf("%+v, %v, %s", reports, err, text)
	}
}

// A file that has two names is changed once.
func TestFixOfLink(t *testing.T) {
	dir := newModule(t, "-- a/a.go --\n"+fmt.Sprintf(off, "a")+"-- b/b.go --\npackage a\n")
	if err := os.Symlink(filepath.Join("..", "a", "a.go"), filepath.Join(dir, "b", "a.go")); err != nil {
		t.Skip(err) // on Windows, not everybody may
	}
	o := Options{Dir: dir, Packages: []string{"./..."}, Tool: buildTool(t)}
	reports, err := Run(t.Context(), o)
	if err != nil || len(reports) != 2 {
		t.Fatal(reports, err)
	}
	reports, err = Fix(t.Context(), o, reports)
	text, _ := os.ReadFile(filepath.Join(dir, "a", "a.go"))
	if want := strings.Replace(fmt.Sprintf(off, "a"), "DisableKeepAlives: true", "", 1); err != nil || len(reports) != 1 || string(text) != want {
		t.Errorf("%+v, %v, %s", reports, err, text)
	}
}

// What can't be read, or written, is left out, too, and says why.
func TestFixOfNoFile(t *testing.T) {
	reports := []Report{{path: filepath.Join(t.TempDir(), "gone.go"), File: "gone.go", Do: "delete it", edits: []edit{{}}}}
	reports, err := Fix(t.Context(), Options{}, reports)
	if err != nil || len(reports) != 1 || reports[0].Fixed || reports[0].HasFix() || !strings.Contains(reports[0].Do, "gone.go: no such file") {
		t.Errorf("%+v, %v", reports, err)
	}
}

const off = "package %s\n\nimport \"net/http\"\n\nvar t = &http.Transport{DisableKeepAlives: true}\n"

// newModule makes one of files.
func newModule(t *testing.T, files string) (dir string) {
	dir = t.TempDir()
	for _, f := range txtar.Parse([]byte("-- go.mod --\nmodule example.com/a\n\ngo 1.26\n" + files)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOWORK", "off")
	return dir
}

// Which files are looked at, and which can be fixed.
func TestFiles(t *testing.T) {
	file := func(name, pkg string) string { return "-- " + name + " --\n" + fmt.Sprintf(off, pkg) }
	for _, c := range []struct{ name, files, want, err string }{
		{"a file", file("a.go", "a"), "a.go:5 fix", ""},
		{"a test", file("a_test.go", "a"), "", ""}, // what it does to connections it does on purpose
		{"a generated file", "-- a.go --\n// Code generated by hand. DO NOT EDIT.\n\n" + fmt.Sprintf(off, "a"), "", ""},
		{"one that imports C", "-- a.go --\n" + strings.Replace(fmt.Sprintf(off, "a"), "import", "import \"C\"\n\nimport", 1), "a.go:7", ""},
		{"a generated one that imports C", "-- a.go --\n// Code generated by hand. DO NOT EDIT.\n\n" + strings.Replace(fmt.Sprintf(off, "a"), "import", "import \"C\"\n\nimport", 1), "", ""},
		{"one of another file's lines", "-- a.go --\n" + strings.Replace(fmt.Sprintf(off, "a"), "var", "//line a.templ:40:1\nvar", 1), "a.templ:40", ""},
		{"one of another file's lines, without columns", "-- a.go --\n" + strings.Replace(fmt.Sprintf(off, "a"), "var", "//line a.templ:40\nvar", 1), "a.templ:40", ""},
		{"a package beside one that can't be loaded", file("a/a.go", "a") + "-- b/b.go --\npackage b\n\nimport _ \"example.com/a/nowhere\"\n", "a/a.go:5 fix", "b/b.go:3:8: "},
		{"a package beside one whose test can't be loaded", file("a/a.go", "a") + "-- b/b_test.go --\npackage b\n\nimport _ \"example.com/a/nowhere\"\n", "a/a.go:5 fix", "b/b_test.go:3:8: "},
		{"a module in a folder of that name", file("vendor/b/b.go", "b") + "-- vendor/b/go.mod --\nmodule example.com/b\n\ngo 1.26\n", "b.go:5 fix", ""},
		{"another's", "-- vendor/modules.txt --\n# example.com/b v1.0.0\n## explicit; go 1.26\nexample.com/b\n" + file("vendor/example.com/b/b.go", "b") +
			"-- a.go --\npackage a\n\nimport _ \"example.com/b\"\n-- go.mod --\nmodule example.com/a\n\ngo 1.26\n\nrequire example.com/b v1.0.0\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Dir: newModule(t, c.files), Packages: []string{"./..."}, Tool: buildTool(t)}
			switch {
			case strings.Contains(c.name, "folder of that name"):
				o.Dir = filepath.Join(o.Dir, "vendor", "b")
			case c.name == "another's":
				o.Packages = []string{"example.com/b"}
			}
			reports, err := Run(t.Context(), o)
			var got []string
			for _, r := range reports {
				at := fmt.Sprintf("%s:%d", r.File, r.Line)
				if r.HasFix() {
					at += " fix"
				}
				got = append(got, at)
			}
			if got := strings.Join(got, "; "); got != c.want || (err == nil) != (c.err == "") || !strings.Contains(fmt.Sprint(err), c.err) {
				t.Errorf("got %q, %v; want %q, %s", got, err, c.want, c.err)
			}
		})
	}
}

// Files of other modules can be looked at, and not changed.
func TestOthersFiles(t *testing.T) {
	dir := newModule(t, "-- b/b.go --\n"+fmt.Sprintf(off, "b")+"-- b/go.mod --\nmodule example.com/b\n\ngo 1.26\n"+
		"-- a/a.go --\npackage a\n\nimport _ \"example.com/b\"\n"+
		"-- a/go.mod --\nmodule example.com/a\n\ngo 1.26\n\nrequire example.com/b v0.0.0\n\nreplace example.com/b => ../b\n")
	o := Options{Dir: filepath.Join(dir, "a"), Packages: []string{"example.com/b"}, Tool: buildTool(t)}
	reports, err := Run(t.Context(), o)
	if err != nil || len(reports) != 1 || reports[0].HasFix() {
		t.Errorf("%+v, %v", reports, err)
	}
}

// A table is read again when it has changed, and what is wrong with it is said once.
func TestTable(t *testing.T) {
	dir := newModule(t, "-- a.go --\npackage a\n\ntype pool struct{}\n\nfunc (pool) Use() {}\n\nfunc New() pool { return pool{} }\n\n"+
		"func loop() {\n\tfor {\n\t\tNew().Use()\n\t}\n}\n")
	o := Options{Dir: dir, Table: filepath.Join(t.TempDir(), "own.txt"), Tool: buildTool(t)}
	for line, want := range map[string]int{"pool example.com/a.New a.pool": 1, "pool example.com/a.Open a.pool": 0} {
		if err := os.WriteFile(o.Table, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if reports, err := Run(t.Context(), o); err != nil || len(reports) != want {
			t.Errorf("%s: %d reports, %v", line, len(reports), err)
		}
	}
	if err := os.WriteFile(o.Table, []byte("broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), o.Table+":1: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// What the go command only warns of is no reason not to look.
func TestWarnings(t *testing.T) {
	dir := newModule(t, "-- a.go --\n"+fmt.Sprintf(off, "a")+"-- b/go.mod --\nmodule example.com/b\n-- c/x.txt --\n")
	var warnings strings.Builder
	o := Options{Dir: dir, Packages: []string{".", "./c/..."}, Tool: buildTool(t), Warnings: &warnings}
	reports, err := Run(t.Context(), o)
	if err != nil || len(reports) != 1 || !strings.Contains(warnings.String(), "matched no packages") {
		t.Errorf("%d reports, %v, %q", len(reports), err, warnings.String())
	}
}

// A program in a folder with a space can be go vet's tool.
func TestToolWithSpace(t *testing.T) {
	text, err := os.ReadFile(buildTool(t))
	if err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(t.TempDir(), "my tools", "berth.exe") // so that Windows runs it, too
	if err := errors.Join(os.Mkdir(filepath.Dir(tool), 0o700), os.WriteFile(tool, text, 0o700)); err != nil {
		t.Fatal(err)
	}
	reports, err := Run(t.Context(), Options{Dir: newModule(t, "-- a.go --\n"+fmt.Sprintf(off, "a")), Tool: tool})
	if err != nil || len(reports) != 1 {
		t.Errorf("%+v, %v", reports, err)
	}
}

// buildTool is this test, which go vet may call.
func buildTool(t *testing.T) string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func TestMain(m *testing.M) {
	if IsTool(os.Args[1:]) {
		Tool()
	}
	os.Exit(m.Run())
}

func TestJoin(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "orders.go")
	text := "package a\n\nfunc f() {\n\tg()\n}\n\nfunc g() {\n}\n\nfunc (*T[K]) m() {\n}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	reports := []Report{{path: "/elsewhere/other.go", Line: 4}, {path: file, Line: 3, pkg: "example.com/a", Message: "f"}, {path: file, Line: 7, pkg: "example.com/a", Message: "g"}, {path: file, Line: 10, pkg: "example.com/a", Message: "m"}}
	trace, err := ReadTrace(strings.NewReader(`{"schema":1,"groups":[
		{"pid":1,"command":"a","destination":"10.0.0.1:80","sites":[
			{"file":"orders.go","line":4,"connections":3},
			{"file":"x/other.go","line":4,"connections":9},
			{"function":"example.com/a.(*T[...]).m.func1","file":"/app/orders.go","line":90,"connections":5},
			{"function":"example.com/a.g","file":"orders.go","line":4,"connections":1},
			{"function":"example.com/b.(*T[...]).m","file":"orders.go","line":10,"connections":90}]},
		{"pid":2,"command":"b","destination":"10.0.0.2:80","sites":[{"file":"` + filepath.ToSlash(file) + `","line":8,"connections":7}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	trace.Join(reports)
	var order []string
	for _, r := range reports {
		order = append(order, r.Message)
	}
	if want := []string{"g", "m", "f", ""}; !slices.Equal(order, want) || reports[3].Seen != nil {
		t.Errorf("in the order %q, want %q", order, want)
	}
	if s := reports[0].Seen; s == nil || *s != (Seen{"b", 2, "10.0.0.2:80", 8, 7}) {
		t.Errorf("seen: %+v", s)
	}

	// When lines have moved, they are in the functions that they were in.
	if err := os.WriteFile(file, []byte(strings.Replace(text, "func f", "\n\n\n\nfunc f", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	moved := []Report{{path: file, Line: 8, pkg: "example.com/a"}, {path: file, Line: 12, pkg: "example.com/a"}}
	trace.Join(moved)
	if moved[0].Seen == nil || moved[0].Seen.PID != 2 || moved[0].Line != 12 || moved[1].Seen == nil || moved[1].Seen.PID != 1 {
		t.Errorf("moved: %+v", moved)
	}

	for _, in := range []string{"", "[]", `{"schema":2}`, `{"schema":1}`, `{"schema":1,"reports":[]}`, `{"schema":1,"groups":[]} more`} {
		if _, err := ReadTrace(strings.NewReader(in)); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestIsTool(t *testing.T) {
	for args, want := range map[string]bool{
		"": false, "check --json": false, "-V=full": true, "-flags": true, "-json /tmp/x/vet.cfg": true, "-newpool.table own.txt /tmp/x/vet.cfg": true, "/tmp/x/vet.cfg": true, "vet ./...": false,
		"trace -- haproxy -f /etc/haproxy/haproxy.cfg": false, "vet --sarif out.cfg": false, "trace -- cat -flags": false,
	} {
		if got := IsTool(strings.Fields(args)); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}

func TestSARIF(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "ä b.go")
	if err := os.WriteFile(file, []byte("package a\n\n/* ü */ var x int\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reports := []Report{{File: "ä b.go", path: file, Line: 3, Column: 10}, {File: file, path: file, Line: 9, Column: 2}, {Fixed: true}}
	var out strings.Builder
	if err := SARIF(&out, reports, errors.New("b.go:1:1: broken")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"uri": "%C3%A4%20b.go"`, `"startColumn": 9`, `"uri": "file:///`, `"executionSuccessful": false`, `"text": "b.go:1:1: broken"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it has no %s", want)
		}
	}
	if n := strings.Count(out.String(), `"ruleId"`); n != 2 {
		t.Errorf("it has %d results, want those that are left", n)
	}
}
