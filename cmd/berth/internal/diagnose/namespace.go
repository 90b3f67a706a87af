package diagnose

import (
	"regexp"
	"strings"
)

// NamespaceFlag is what makes berth check look into a namespace of a table again, with a space in front. It is
// empty for our own.
func NamespaceFlag(name string) string {
	if name == "" {
		return ""
	}
	if pid, ok := process(name); ok {
		name = pid
	}
	return " --namespace " + word(name)
}

// run is a command of advice, as it is to be typed for the namespace: elsewhere it would act on our own.
func (s *scene) run(command string) string {
	if s.Name == "" {
		return command
	}
	if pid, ok := process(s.Name); ok {
		return "nsenter -t " + pid + " -n " + command
	}
	return "ip netns exec " + word(s.Name) + " " + command
}

// process is the number of the process that a namespace is named after, where nobody gave it a name.
func process(name string) (pid string, ok bool) { return strings.CutPrefix(name, "pid ") }

var plain = regexp.MustCompile(`^[\w.:@+-]+$`)

// word is a name as a shell takes it.
func word(name string) string {
	if plain.MatchString(name) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
