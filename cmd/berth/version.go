package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

func versionVerb() *command {
	return &command{
		Use:   "version",
		Short: "print what was built",
		Args:  noArguments,
		RunE: func(c *command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return errors.New("this binary was built without build information")
			}
			_, err := io.WriteString(c.OutOrStdout(), versionText(info))
			return err
		},
	}
}

// versionText is the version, what it was built with and for, and the commit where that is known.
func versionText(info *debug.BuildInfo) string {
	set := map[string]string{"GOOS": runtime.GOOS, "GOARCH": runtime.GOARCH}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	text := fmt.Sprintf("berth %s %s %s/%s\n", version, info.GoVersion, set["GOOS"], set["GOARCH"])
	if revision := set["vcs.revision"]; revision != "" {
		text += fmt.Sprintf("%s %s %s%s\n", set["vcs"], revision, set["vcs.time"], modified(set["vcs.modified"]))
	}
	return text
}

func modified(flag string) string {
	if flag != "true" {
		return ""
	}
	return " modified"
}
