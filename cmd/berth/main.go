// Command berth shows how local ports run out, and what cures it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/berth-go/berth/vet/govet"
)

func main() {
	if govet.IsTool(os.Args[1:]) {
		govet.Tool() // berth vet has go vet call berth
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(exec(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// What the process exits with.
const (
	exitOK          = 0
	exitNo          = 1   // the verb did its work, and the answer is no
	exitTrouble     = 2   // it could not: bad input, or the machine lacks something
	exitInterrupted = 130 // what a shell expects after Ctrl-C
)

// exitNotTraced is that of berth trace with a command, where it is berth that failed.
const exitNotTraced = 125

// errNo ends a verb whose output has already said that the answer is no.
var errNo = errors.New("the answer is no")

// verbs is the table of verbs. Each has a file of its own.
var verbs = []verb{checkVerb, completionVerb, demoVerb, traceVerb, versionVerb, vetVerb}

type (
	verb    = func() *command
	command = cobra.Command
)

// exec runs the command and returns its exit code. What goes wrong is one sentence on stderr.
func exec(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintf(stderr, "berth: %s\n", sentence(exit.err))
		}
		return exit.code
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "berth: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "berth: %s\n", sentence(err))
	if len(args) > 0 && args[0] == "trace" && slices.Contains(args, "--") {
		return exitNotTraced // whatever it is: 2 would be the command's
	}
	return exitTrouble
}

func rootCommand() *command {
	root := &command{
		Use:           "berth verb",
		Short:         "berth shows how local ports run out, and what cures it",
		Args:          knownVerb,
		RunE:          func(c *command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,

		DisableFlagsInUseLine:      true,
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetHelpTemplate(helpTemplate)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpVerb(root))
	for _, verb := range verbs {
		root.AddCommand(verb())
	}
	return root
}

const helpTemplate = `{{or .Long .Short}}

usage: {{.UseLine}}{{if .HasAvailableSubCommands}}

{{range .Commands}}{{if .IsAvailableCommand}}  {{rpad .Name .NamePadding}} {{.Short}}
{{end}}{{end}}
berth help verb says more{{else}}{{if .HasAvailableLocalFlags}}

{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{end}}
`

func helpVerb(root *command) *command {
	return &command{
		Use:    "help [verb]",
		Hidden: true,
		Args:   cobra.MaximumNArgs(1),
		RunE: func(_ *command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil {
				return err
			}
			if err := knownVerb(root, rest); err != nil {
				return err
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// knownVerb is reached with arguments only when the first of them names no verb.
func knownVerb(root *command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if like := root.SuggestionsFor(args[0]); len(like) > 0 {
		return fmt.Errorf("there is no verb %q: did you mean %s?", args[0], strings.Join(like, " or "))
	}
	return fmt.Errorf("there is no verb %q: berth help lists them", args[0])
}

// noArguments is cobra.NoArgs in our words.
func noArguments(c *command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, such as %q", c.Name(), args[0])
	}
	return nil
}

// flagError says what a flag wants, where pflag says what strconv thinks.
func flagError(c *command, err error) error {
	if !c.HasParent() && c.Flags().NArg() > 0 { // a verb that we do not know, and its flags even less
		return knownVerb(c, c.Flags().Args())
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		return fmt.Errorf("%s has no flag %s: %s --help lists them", c.Name(), flagName(unknown), c.CommandPath())
	}
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		return fmt.Errorf("--%s wants %s, not %q", bad.GetFlag().Name, wants(bad.GetFlag()), bad.GetValue())
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) {
		return fmt.Errorf("--%s wants %s", missing.GetFlag().Name, wants(missing.GetFlag()))
	}
	return err
}

func flagName(e *pflag.NotExistError) string {
	if e.GetSpecifiedShortnames() != "" {
		return "-" + e.GetSpecifiedName()
	}
	return "--" + e.GetSpecifiedName()
}

func wants(f *pflag.Flag) string {
	if c, ok := f.Value.(*choice); ok {
		return "one of " + c.Type()
	}
	switch f.Value.Type() {
	case "int":
		return "a whole number"
	case "bool":
		return "true or false"
	}
	name, _ := pflag.UnquoteUsage(f)
	return "a " + name
}

// sentence puts an error on one line: errors.Join puts each on its own.
func sentence(err error) string {
	return strings.ReplaceAll(err.Error(), "\n", ", and ")
}
