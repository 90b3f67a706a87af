package govet

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
		"no required module provides package x; to add it:\n": "no required module provides package x; to add it:",
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

// A fix that does not compile is taken back, with those beside it.
func TestFixIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.go")
	const text = "package a\n\nvar x = 1\n\nvar y = x\n"
	for name, text := range map[string]string{"go.mod": "module example.com/a\n\ngo 1.26\n", "a.go": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := strings.Index(text, "var x")
	reports := []Report{{path: file, edits: []edit{{file, at, at + len("var x = 1"), ""}}}}
	t.Setenv("GOWORK", "off")
	o := Options{Dir: dir, Tool: buildTool(t)}
	err := Fix(t.Context(), o, reports)
	if err == nil || !strings.Contains(err.Error(), "nothing was changed") || reports[0].Fixed {
		t.Errorf("%v", err)
	}
	if got, _ := os.ReadFile(file); string(got) != text {
		t.Errorf("the file is now %q", got)
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
	if err := os.WriteFile(file, []byte("package a\n\nfunc f() {\n\tg()\n}\n\nfunc g() {\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reports := []Report{{path: "/elsewhere/other.go", Line: 4}, {path: file, Line: 3, Message: "f"}, {path: file, Line: 7, Message: "g"}}
	err := Join(reports, strings.NewReader(`{"schema":1,"groups":[
		{"pid":1,"command":"a","destination":"10.0.0.1:80","sites":[{"file":"orders.go","line":4,"connections":3},{"file":"x/other.go","line":4,"connections":9}]},
		{"pid":2,"command":"b","destination":"10.0.0.2:80","sites":[{"file":"`+filepath.ToSlash(file)+`","line":8,"connections":7}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if reports[0].Message != "g" || reports[1].Message != "f" || reports[2].Seen != nil {
		t.Errorf("in the order %+v", reports)
	}
	if s := reports[0].Seen; s == nil || *s != (Seen{"b", 2, "10.0.0.2:80", 8, 7}) {
		t.Errorf("seen: %+v", s)
	}
	for _, in := range []string{"", "[]", `{"schema":2}`} {
		if err := Join(reports, strings.NewReader(in)); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestIsTool(t *testing.T) {
	for args, want := range map[string]bool{"": false, "check --json": false, "-V=full": true, "-flags": true, "-json /tmp/x/vet.cfg": true, "vet ./...": false} {
		if got := IsTool(strings.Fields(args)); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}
