package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/berth-go/berth/cmd/berth/internal/report"
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
		Long: `Looks at Go packages as go vet does, and reports lines that make connections
which are not used again: a transport for every call, a body that stays open,
keep-alives that are off. Of tests, it reports transports that a benchmark
makes. Without packages, the one here; ./... is all of a module.

	//nolint:berth // the reason

on a line, or above it, silences it; above a statement or a function, all of
that. It exits with 0 if there is nothing to report, with 1 if there is, and
with 2 if it could not look at all of them; then --fix changes nothing.`,
		RunE: func(c *command, args []string) error {
			o.Packages = args
			return runVet(c, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.fix, "fix", false, "change the files, where that is safe")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.StringVar(&o.sarif, "sarif", "", "write SARIF to a `file`, too")
	f.StringVar(&o.seen, "seen", "", "put first what a `file` with the JSON of berth trace has seen; - is stdin")
	f.StringVar(&o.Table, "table", "", "know more constructors of clients, from a `file`")
	return c
}

func runVet(c *command, o vetFlags) error {
	o.Warnings = c.ErrOrStderr()
	seen, err := readSeen(c, o.seen)
	if err != nil {
		return err
	}
	var sarif *os.File
	if o.sarif != "" {
		if sarif, err = os.Create(o.sarif); err != nil {
			return err
		}
		defer sarif.Close()
	}
	reports, lookErr := govet.Run(c.Context(), o.Options)
	if seen != nil {
		seen.Join(reports) // before lines move
	}
	if o.fix {
		if lookErr != nil {
			lookErr = fmt.Errorf("%w; nothing was fixed", lookErr)
		} else if reports, lookErr = fix(c.Context(), o, reports); seen != nil {
			seen.Join(reports)
		}
	}
	var sarifErr error
	if sarif != nil {
		if err := cmp.Or(govet.SARIF(sarif, reports, lookErr), sarif.Close()); err != nil {
			sarifErr = fmt.Errorf("%s: %w", o.sarif, err)
		}
	}
	if lookErr != nil && len(reports) == 0 {
		return errors.Join(lookErr, sarifErr)
	}
	next := ""
	if !o.fix && lookErr == nil {
		next = o.fixCommand()
	}
	left, err := printReports(c.OutOrStdout(), reports, o.asJSON, next)
	if err := cmp.Or(errors.Join(lookErr, sarifErr), err); err != nil {
		return err
	}
	if left > 0 {
		return errNo
	}
	return nil
}

// fix leaves no file half changed, however often Ctrl-C is pressed, or if the terminal
// is closed.
func fix(ctx context.Context, o vetFlags, reports []govet.Report) ([]govet.Report, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return govet.Fix(ctx, o.Options, reports)
}

// readSeen reads the file of --seen, or what comes on stdin; nil, if there is none.
func readSeen(c *command, name string) (*govet.Trace, error) {
	in := c.InOrStdin()
	switch name {
	case "":
		return nil, nil
	case "-":
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	t, err := govet.ReadTrace(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return t, nil
}

// printReports returns how many of them are left to be dealt with. The next command is for
// those that can be fixed, if it is not empty.
func printReports(w io.Writer, reports []govet.Report, asJSON bool, next string) (left int, err error) {
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
			many := "s"
			if r.Seen.Connections == 1 {
				many = ""
			}
			_, err = fmt.Fprintf(w, "    seen: %s (%d) made %d connection%s to %s here, in line %d\n",
				report.Clean(r.Seen.Command), r.Seen.PID, r.Seen.Connections, many, report.Clean(r.Seen.Destination), r.Seen.Line)
		}
		if err != nil {
			return left, err
		}
	}
	if fixable > 0 && next != "" {
		_, err = fmt.Fprintf(w, "\n%s: %s\n", fixes(fixable), next)
	}
	return left, err
}

// fixCommand is what to type for the fixes of what was looked at.
func (o vetFlags) fixCommand() string {
	words := []string{"berth", "vet", "--fix"}
	if o.Table != "" {
		words = append(words, "--table", o.Table)
	}
	words = append(words, o.Packages...)
	for i, w := range words {
		if strings.ContainsAny(w, " \t*$&;'\"") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func fixes(n int) string {
	if n == 1 {
		return "1 can be fixed by itself"
	}
	return fmt.Sprintf("%d can be fixed by themselves", n)
}
