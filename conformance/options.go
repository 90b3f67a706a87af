package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// options are what the flags say.
type options struct {
	dir        string // of the module that has the transport, absolute
	importPath string
	typeName   string
	tags       string
	race       bool
	leaks      bool

	tests *regexp.Regexp // to run
	modes string         // to run, comma-separated; "" is all
	list  bool

	timeout time.Duration // of a test without progress
	budget  time.Duration // of the whole run
	retries int
	atOnce  int

	allow         string
	allowOptional bool // nobody asked for it by name
	failed        string
	json          string
	work          string
	verbose       bool
}

// parse reads the flags. Where they ask for help, it prints it to stdout.
func parse(args []string, stdout io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("conformance", flag.ContinueOnError)
	f.SetOutput(io.Discard) // an error is one sentence, and run prints it
	f.StringVar(&o.dir, "pkg", "..", "`folder` of the module that has the transport")
	f.StringVar(&o.importPath, "import", "github.com/berth-go/berth", "import `path` of the transport's package")
	f.StringVar(&o.typeName, "type", "Transport", "`name` of the transport's type")
	f.StringVar(&o.tags, "tags", "", "comma-separated build `tags` besides "+ownTag)
	f.BoolVar(&o.race, "race", false, "build with the race detector")
	f.BoolVar(&o.leaks, "leaks", true, "a goroutine of the package that outlives a test fails it")
	tests := f.String("run", "", "run only the tests whose name matches the `regexp`")
	f.StringVar(&o.modes, "modes", "", "where a test has modes, run only these `modes` of "+strings.Join(modes, ","))
	f.BoolVar(&o.list, "list", false, "list the tests, and how they are weakened or why they are dropped; run none")
	f.DurationVar(&o.timeout, "timeout", 6*time.Second, "end a test that shows no progress for so long")
	f.DurationVar(&o.budget, "budget", 20*time.Minute, "start no more tests after so long")
	f.IntVar(&o.retries, "retries", 2, "run a failed test so many times more; it is flaky if it then passes")
	f.IntVar(&o.atOnce, "j", 2, "run so many tests at once")
	f.StringVar(&o.allow, "allow", "allow.txt", "`file` of names that may fail, each with its reason; by default used where it exists")
	f.StringVar(&o.failed, "failed", "", "write the names that failed to this `file`, as for -allow")
	f.StringVar(&o.json, "json", "", "write the results to this `file`")
	f.StringVar(&o.work, "work", "", "keep the rewritten tests and their binary in this `folder`")
	f.BoolVar(&o.verbose, "v", false, "print each test as it ends")

	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(stdout)
		fmt.Fprintln(stdout, "usage: conformance [flags]")
		f.PrintDefaults()
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w (-h lists the flags)", err)
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("there are only flags, and %q is none (-h lists them)", f.Arg(0))
	}
	o.allowOptional = true
	f.Visit(func(g *flag.Flag) { o.allowOptional = o.allowOptional && g.Name != "allow" })
	if o.tests, err = regexp.Compile(*tests); err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	return o, o.check()
}

// check refuses what would otherwise run nothing and call it a success.
func (o *options) check() (err error) {
	if o.importPath == "" || o.typeName == "" {
		return errors.New("-import and -type can't be empty")
	}
	if o.modes != "" {
		for m := range strings.SplitSeq(o.modes, ",") {
			if !slices.Contains(modes, m) {
				return fmt.Errorf("-modes: no mode %q: there are %s", m, strings.Join(modes, ", "))
			}
		}
	}
	if o.timeout <= 0 || o.budget <= 0 {
		return errors.New("-timeout and -budget must be more than 0")
	}
	if o.atOnce < 1 {
		return errors.New("-j must be at least 1")
	}
	if o.retries < 0 {
		return errors.New("-retries can't be negative")
	}
	o.dir, err = filepath.Abs(o.dir)
	return err
}

// choose returns the tests that -run asks for.
func (o *options) choose(all []test) ([]test, error) {
	var chosen []test
	for _, t := range all {
		if o.tests.MatchString(t.name) {
			chosen = append(chosen, t)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-run: %q matches none of the %d tests (-list lists them; subtests can't be chosen)", o.tests, len(all))
	}
	return chosen, nil
}
