package symbol

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenBelow: a link of a container leads nowhere but into the container.
func TestOpenBelow(t *testing.T) {
	root := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(root, "tmp/etc"), 0o755),
		os.Symlink("/etc", filepath.Join(root, "tmp/away")),
		os.Symlink("/tmp/perf-2.map", filepath.Join(root, "tmp/perf-1.map")),
		os.WriteFile(filepath.Join(root, "tmp/perf-2.map"), []byte("1 1 here\n"), 0o600),
		syscall.Mkfifo(filepath.Join(root, "tmp/perf-3.map"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"/tmp/perf-2.map": true, "/tmp/perf-1.map": true, "/tmp/away/passwd": false, "/tmp/../../../../etc/passwd": false, "/tmp/perf-3.map": false, "/tmp": false} {
		f, err := openBelow(root, name)
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			f.Close()
		}
	}
}
