package berth_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// A program that imports the library inherits nothing: only the standard
// library, and packages of this module that do not hold anything else either.
func TestLibraryNeedsTheStandardLibraryOnly(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard", ".")
	cmd.Env = append(cmd.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	n := 0
	for ; ; n++ {
		var p struct {
			ImportPath string
			Standard   bool
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !p.Standard && p.ImportPath != "github.com/berth-go/berth" {
			t.Errorf("the library imports %s", p.ImportPath)
		}
	}
	if n < 50 {
		t.Errorf("go list told of %d packages: too few to be all", n)
	}
}
