package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// allTags are the build tags of the transport's package.
func (o *options) allTags() string {
	if o.tags == "" {
		return ownTag
	}
	return ownTag + "," + o.tags
}

// build compiles the tests of net/http with files in the place of its own, which
// stay untouched: an overlay says where they are. clean removes what build wrote.
func build(ctx context.Context, g *goTool, o *options, files map[string][]byte) (bin string, clean func(), err error) {
	work, clean, err := workFolder(o.work)
	if err != nil {
		return "", clean, err
	}
	overlay, err := writeOverlay(work, files)
	if err != nil {
		return "", clean, err
	}
	bin = filepath.Join(work, "http.test")
	args := []string{"test", "-c", "-vet=off", "-tags", o.allTags(), "-overlay", overlay, "-o", bin}
	if o.race {
		args = append(args, "-race")
	}
	// In the transport's module: net/http's tests import it as if they were its own.
	cmd := exec.CommandContext(ctx, "go", append(args, "net/http")...)
	cmd.Dir = g.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", clean, fmt.Errorf("building the tests: %w\n%s", err, out)
	}
	return bin, clean, nil
}

// workFolder makes the folder that the user wants to keep, or else one of its own.
func workFolder(keep string) (dir string, clean func(), err error) {
	if keep == "" {
		dir, err = os.MkdirTemp("", "conformance-")
		return dir, func() { os.RemoveAll(dir) }, err
	}
	if dir, err = filepath.Abs(keep); err == nil {
		err = os.MkdirAll(dir, 0o777)
	}
	return dir, func() {}, err
}

// writeOverlay writes the files to work, and the overlay that names them.
func writeOverlay(work string, files map[string][]byte) (name string, err error) {
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for from, text := range files {
		to := filepath.Join(work, filepath.Base(from))
		if err := os.WriteFile(to, text, 0o666); err != nil {
			return "", err
		}
		overlay.Replace[from] = to
	}
	name = filepath.Join(work, "overlay.json")
	return name, writeJSON(name, overlay)
}

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(b, '\n'), 0o666)
}
