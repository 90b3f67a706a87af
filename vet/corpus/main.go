// Corpus runs the analyzers over the modules of modules.txt, which it has the go
// command download, and compares what they report with verdicts.txt, where each
// report was judged by hand. With -write it writes CORPUS.md, after page.md.
//
//	go run ./corpus [-write] [-dir DIR] [-old] [name ...]
//	go run ./corpus -time cloudflare-go
//
// The second compares the time that the analyzers take with that of go vet. All modules
// take some hours. With -dir, what was found is kept beside them: who starts again goes
// on where it ended, as long as the analyzers are the same. -old takes what others
// found, too, there or as CORPUS.md has it, and looks only at the modules that are named,
// and at those that nobody looked at; all are in what it writes.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/berth-go/berth/vet"
	"github.com/berth-go/berth/vet/govet"
)

// A module is a line of modules.txt: its name here, path, version, what to look at,
// and why it was chosen.
type module struct{ name, path, version, packages, why string }

// A verdict is a line of verdicts.txt.
type verdict struct {
	module, at, analyzer string
	isTrue               bool
	why                  string
}

func main() {
	if govet.IsTool(os.Args[1:]) {
		govet.Tool()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context) error {
	timed := flag.String("time", "", "compare the time with go vet's, on the module of a `name`")
	write := flag.Bool("write", false, "write CORPUS.md")
	dir := flag.String("dir", "", "keep the modules in a `directory`, rather than in a temporary one, and what was found")
	old := flag.Bool("old", false, "take what was found with other analyzers, where that is kept or in CORPUS.md, of modules that are not named")
	flag.Parse()
	if err := load(); err != nil {
		return err
	}
	if *dir == "" {
		tmp, err := os.MkdirTemp("", "berth-corpus-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		*dir = tmp
	}
	if *timed != "" {
		return compare(ctx, *timed, *dir)
	}
	tool, err := govet.ToolSum()
	if err != nil {
		return err
	}
	var known map[string]result
	if *old {
		if known, err = written(); err != nil {
			return err
		}
	}
	var results []result
	for _, m := range modules {
		isNamed := slices.Contains(flag.Args(), m.name)
		if flag.NArg() > 0 && !isNamed && !*old {
			continue
		}
		keep := filepath.Join(*dir, m.name+".json")
		res, ok := kept(keep, m)
		if !ok && !isNamed {
			res, ok = known[m.name]
		}
		if !ok || res.Tool != tool && (!*old || isNamed) {
			reports, err := look(ctx, m, filepath.Join(*dir, m.name))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			res = result{module: m, Tool: tool, Reports: reports}
			if err != nil {
				res.Err = err.Error()
			}
			if err := res.keep(keep); err != nil {
				return err
			}
		}
		fmt.Printf("%s %s: %d reports\n", m.path, m.version, len(res.Reports))
		if res.Err != "" {
			fmt.Printf("    %s\n", res.Err)
		}
		results = append(results, res)
		for _, r := range res.Reports {
			fmt.Printf("    %s:%d: %s (%s): %s\n", r.File, r.Line, r.Message, r.Analyzer, judged(m, r))
		}
	}
	t := tables(results)
	for _, set := range sets {
		fmt.Printf("\n%s\n%s", set, t.of(set).summary())
	}
	fmt.Printf("\nall:\n%s", t.summary())
	if !*write {
		return nil
	}
	page, err := t.page()
	if err != nil {
		return err
	}
	return os.WriteFile("CORPUS.md", []byte(page), 0o644)
}

// fields calls use with the fields of each line of a file beside this program.
func fields(name string, n int, use func(f []string)) error {
	text, err := os.ReadFile(filepath.Join("corpus", name))
	if err != nil {
		return fmt.Errorf("run it in vet: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.SplitN(strings.TrimSpace(line), "\t", n); len(f) == n && !strings.HasPrefix(f[0], "#") {
			use(f)
		}
	}
	return nil
}

var (
	modules  []module
	verdicts []verdict
)

// load reads the files. They are not embedded, so that go vet need not look anew at
// all that there is when one changes.
func load() error {
	err := fields("modules.txt", 5, func(f []string) { modules = append(modules, module{f[0], f[1], f[2], f[3], f[4]}) })
	if err != nil {
		return err
	}
	return fields("verdicts.txt", 5, func(f []string) {
		verdicts = append(verdicts, verdict{f[0], f[1], f[2], f[3] == "true", f[4]})
	})
}

// find returns the verdict for a report.
func find(m module, r govet.Report) (v verdict, ok bool) {
	at := fmt.Sprintf("%s:%d", r.File, r.Line)
	for _, v := range verdicts {
		if v.module == m.name && v.at == at && v.analyzer == r.Analyzer {
			return v, true
		}
	}
	return verdict{}, false
}

func judged(m module, r govet.Report) string {
	switch v, ok := find(m, r); {
	case !ok:
		return "NOT JUDGED"
	case v.isTrue:
		return "true"
	}
	return "false"
}

// look downloads a module, makes it the main one in a directory of its own, so that
// its go.mod rules, and runs the analyzers.
func look(ctx context.Context, m module, dir string) ([]govet.Report, error) {
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); errors.Is(err, fs.ErrNotExist) {
		if err := fetch(ctx, m, dir); err != nil {
			return nil, err
		}
	}
	os.Setenv("GOFLAGS", "-mod=mod")
	os.Setenv("GOWORK", "off")
	os.Setenv("CGO_ENABLED", "0")
	return govet.Run(ctx, govet.Options{Dir: dir, Packages: strings.Fields(m.packages)})
}

func fetch(ctx context.Context, m module, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", m.path+"@"+m.version)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", m.path, err, out)
	}
	var got struct{ Dir, GoMod string }
	if err := json.Unmarshal(out, &got); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(got.Dir)); err != nil {
		return err
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, map[bool]fs.FileMode{true: 0o755, false: 0o644}[d.IsDir()])
	})
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return nil
	}
	text, err := os.ReadFile(got.GoMod) // of a module from before there were any
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o644)
}

// A result is what came of a module, as it is kept.
type result struct {
	module
	Tool    string // the sum of the program that looked
	Reports []govet.Report
	Err     string // what it could not look at
}

// kept is the result in a file, if there is one.
func kept(file string, m module) (res result, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &res) != nil {
		return res, false
	}
	res.module = m
	return res, true
}

func (res result) keep(file string) error {
	text, err := json.Marshal(res)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

type tables []result

// A set of modules is chosen at once, before any result of it was seen. Its name
// begins what modules.txt says of why, but for the first's, from which the rules were
// made.
var sets = []string{"", "held out: ", "third set: ", "fourth set: ", "fifth set: ", "sixth set: ", "seventh set: "}

// set is the name of the set that a module is of.
func (m module) set() string {
	for _, set := range sets[1:] {
		if strings.HasPrefix(m.why, set) {
			return set
		}
	}
	return sets[0]
}

// of are the modules of a set.
func (t tables) of(set string) (part tables) {
	for _, res := range t {
		if res.set() == set {
			part = append(part, res)
		}
	}
	return part
}

// count returns how many reports of an analyzer are true, false, and not judged.
func (t tables) count(analyzer string) (yes, no, open int) {
	for _, res := range t {
		for _, r := range res.Reports {
			if analyzer != "" && r.Analyzer != analyzer {
				continue
			}
			switch judged(res.module, r) {
			case "true":
				yes++
			case "false":
				no++
			default:
				open++
			}
		}
	}
	return yes, no, open
}

func (t tables) summary() string {
	var b strings.Builder
	line := func(name, analyzer string) {
		yes, no, open := t.count(analyzer)
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s |\n", name, yes+no+open, yes, no, percent(yes, yes+no))
		if open > 0 {
			fmt.Fprintf(&b, "| %s, not judged | %d | | | |\n", name, open)
		}
	}
	b.WriteString("| analyzer | reports | true | false | precision |\n|---|---|---|---|---|\n")
	for _, a := range vet.Analyzers() {
		line("`"+a.Name+"`", a.Name)
	}
	line("all", "")
	return b.String()
}

func percent(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3g %%", 100*float64(n)/float64(of))
}

// page is page.md with what it asks for.
func (t tables) page() (string, error) {
	text, err := os.ReadFile(filepath.Join("corpus", "page.md"))
	if err != nil {
		return "", err
	}
	fill := []string{"{{all}}\n", t.summary(), "{{modules}}\n", t.modules(), "{{reports}}\n", t.reports()}
	for i, set := range sets {
		part := t.of(set)
		yes, no, _ := part.count("")
		fill = append(fill, fmt.Sprintf("{{modules %d}}", i+1), fmt.Sprint(len(part)),
			fmt.Sprintf("{{true %d}}", i+1), fmt.Sprintf("%d of %d, %s", yes, yes+no, percent(yes, yes+no)))
	}
	return strings.NewReplacer(fill...).Replace(string(text)), nil
}

func (t tables) modules() string {
	var b strings.Builder
	b.WriteString("| module | version | reports | chosen as |\n|---|---|---|---|\n")
	for _, res := range t {
		n := fmt.Sprint(len(res.Reports))
		if res.Err != "" {
			n += ", of what compiles"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", res.path, res.version, n, res.why)
	}
	return b.String()
}

func (t tables) reports() string {
	var b strings.Builder
	b.WriteString("| module | where | analyzer | verdict | |\n|---|---|---|---|---|\n")
	for _, res := range t {
		slices.SortStableFunc(res.Reports, func(a, b govet.Report) int { return cmp.Compare(a.Analyzer, b.Analyzer) })
		for _, r := range res.Reports {
			v, _ := find(res.module, r)
			fmt.Fprintf(&b, "| %s | %s:%d | `%s` | %s | %s |\n", res.name, r.File, r.Line, r.Analyzer, judged(res.module, r), v.why)
		}
	}
	return b.String()
}
