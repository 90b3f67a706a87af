package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func completionVerb() *command {
	shells := []string{"bash", "zsh", "fish"}
	return &command{
		Use:   "completion bash|zsh|fish",
		Short: "print what makes a shell complete berth's verbs and flags",
		Long: `For this session:

  bash    source <(berth completion bash)
  zsh     source <(berth completion zsh)
  fish    berth completion fish | source`,
		Args: func(_ *command, args []string) error {
			if len(args) != 1 {
				return errors.New("completion wants one of bash, zsh and fish")
			}
			return nil
		},
		ValidArgs: shells,
		RunE:      func(c *command, args []string) error { return complete(c, args[0]) },
	}
}

func complete(c *command, shell string) error {
	root, out := c.Root(), c.OutOrStdout()
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	}
	return fmt.Errorf("completion knows bash, zsh and fish, not %q", shell)
}

// completeFlag has a shell offer the words that a flag takes.
func completeFlag(c *command, flag string, words []string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // no such flag, or the same twice
	}
}
