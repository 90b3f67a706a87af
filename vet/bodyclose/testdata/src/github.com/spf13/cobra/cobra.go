package cobra

type Command struct {
	RunE func(cmd *Command, args []string) error
}
