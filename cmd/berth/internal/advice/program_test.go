package advice

import (
	"os"
	"testing"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

func TestLook(t *testing.T) {
	this, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	files := map[int]string{1: this, 2: "advice.go", 3: "gone", 4: this}
	owners := []ports.Owner{{PID: 1, Command: "orders"}, {PID: 2, Command: "script"}, {PID: 3, Command: "gone"}, {PID: 4, Command: "java"}}
	Look(owners, func(pid int) string { return files[pid] })
	for i, want := range []bool{true, false, false, false} { // java's name says it, whatever the file
		if owners[i].Go != want {
			t.Errorf("%s: Go %t, want %t", owners[i].Command, owners[i].Go, want)
		}
	}
	if c := of(owners[0]); c == nil || c.ID != "go" {
		t.Errorf("got %v for a Go program of any name", c)
	}
	if c := of(owners[3]); c == nil || c.ID != "java" {
		t.Errorf("got %v for java", c)
	}
}

func TestLookEndsSometime(t *testing.T) {
	asked := 0
	Look(make([]ports.Owner, 100), func(int) string { asked++; return "" })
	if asked != mostPrograms {
		t.Errorf("looked into %d executables", asked)
	}
}
