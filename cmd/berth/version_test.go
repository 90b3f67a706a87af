package main

import (
	"runtime/debug"
	"testing"
)

func TestVersionText(t *testing.T) {
	linux := []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"}}
	commit := []debug.BuildSetting{
		{Key: "vcs", Value: "git"},
		{Key: "vcs.revision", Value: "a91c0f"},
		{Key: "vcs.time", Value: "2026-07-01T12:00:00Z"},
	}
	module := debug.Module{Path: "github.com/berth-go/berth/cmd/berth", Version: "v0.1.0"}
	tests := []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{
			"installed from a tag",
			debug.BuildInfo{GoVersion: "go1.26.8", Main: module, Settings: linux},
			"berth v0.1.0 go1.26.8 linux/arm64\n",
		},
		{
			"built in a tree",
			debug.BuildInfo{GoVersion: "go1.26.8", Settings: append(commit, linux...)},
			"berth (devel) go1.26.8 linux/arm64\ngit a91c0f 2026-07-01T12:00:00Z\n",
		},
		{
			"built in a tree with changes",
			debug.BuildInfo{GoVersion: "go1.26.8", Settings: append(append(commit, linux...), debug.BuildSetting{Key: "vcs.modified", Value: "true"})},
			"berth (devel) go1.26.8 linux/arm64\ngit a91c0f 2026-07-01T12:00:00Z modified\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := versionText(&tt.info); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
