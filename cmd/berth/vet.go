package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/berth-go/berth/vet/govet"
)

// vetFlags are what the user asks of vet.
type vetFlags struct {
	govet.Options
	fix    bool
	asJSON bool
	sarif  string
	seen   string
}

func vetVerb() *command {
	var o vetFlags
	c := &command{
		Use:   "vet [flags] [packages]",
		Short: "find the lines of Go that waste connections",
		Long: `Looks at Go packages as go vet does, tests too, and reports lines that make
connections which are not used again: a transport for every call, a body that
stays open, keep-alives that are off. Without packages, the one here; ./... is
all of a module.

	//nolint:berth // the reason

on a line, or above it, silences it. It exits with 0 if there is nothing to
report, with 1 if there is, and with 2 if it could not look at all of them;
then --fix changes nothing.`,
		RunE: func(c *command, args []string) error {
			o.Packages = args
			return runVet(c, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.fix, "fix", false, "change the files, where that is safe")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.StringVar(&o.sarif, "sarif", "", "write SARIF to a `file`, too")
	f.StringVar(&o.seen, "seen", "", "put first what a `file` with the JSON of berth trace has seen")
	f.StringVar(&o.Table, "table", "", "know more constructors of clients, from a `file`")
	return c
}

func runVet(c *command, o vetFlags) error {
	reports, lookErr := govet.Run(c.Context(), o.Options)
	if lookErr != nil && len(reports) == 0 {
		return lookErr
	}
	if o.fix && lookErr == nil {
		if err := govet.Fix(c.Context(), o.Options, reports); err != nil {
			return err
		}
	}
	if o.seen != "" {
		if err := withFile(o.seen, os.Open, func(f *os.File) error { return govet.Join(reports, f) }); err != nil {
			return errors.Join(lookErr, err)
		}
	}
	if o.sarif != "" {
		if err := withFile(o.sarif, os.Create, func(f *os.File) error { return govet.SARIF(f, reports) }); err != nil {
			return errors.Join(lookErr, err)
		}
	}
	left, err := printReports(c.OutOrStdout(), reports, o.asJSON)
	if err := cmp.Or(lookErr, err); err != nil {
		return err
	}
	if left > 0 {
		return errNo
	}
	return nil
}

func withFile(name string, open func(string) (*os.File, error), do func(*os.File) error) error {
	f, err := open(name)
	if err != nil {
		return err
	}
	if err := do(f); err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return f.Close()
}

// printReports returns how many of them are left to be dealt with.
func printReports(w io.Writer, reports []govet.Report, asJSON bool) (left int, err error) {
	for _, r := range reports {
		if !r.Fixed {
			left++
		}
	}
	if asJSON {
		if reports == nil {
			reports = []govet.Report{}
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "\t")
		return left, e.Encode(struct {
			Schema  int            `json:"schema"`
			Reports []govet.Report `json:"reports"`
		}{1, reports})
	}
	fixable := 0
	for _, r := range reports {
		if r.Fixed {
			_, err = fmt.Fprintf(w, "%s:%d:%d: fixed: %s (%s)\n", r.File, r.Line, r.Column, r.Message, r.Analyzer)
		} else {
			_, err = fmt.Fprintf(w, "%s:%d:%d: %s (%s)\n    %s\n", r.File, r.Line, r.Column, r.Message, r.Analyzer, r.Do)
			if r.HasFix() {
				fixable++
			}
		}
		if r.Seen != nil && err == nil {
			_, err = fmt.Fprintf(w, "    seen: %s (%d) made %d connections to %s here, in line %d\n",
				r.Seen.Command, r.Seen.PID, r.Seen.Connections, r.Seen.Destination, r.Seen.Line)
		}
		if err != nil {
			return left, err
		}
	}
	if fixable > 0 {
		_, err = fmt.Fprintf(w, "\n%s: berth vet --fix\n", fixes(fixable))
	}
	return left, err
}

func fixes(n int) string {
	if n == 1 {
		return "1 can be fixed by itself"
	}
	return fmt.Sprintf("%d can be fixed by themselves", n)
}
