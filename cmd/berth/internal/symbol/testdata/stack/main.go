// Stack prints the return addresses of a stack with inlined calls in it, and the
// frames that the runtime makes of them, and waits until its input ends.
package main

import (
	"encoding/json"
	"io"
	"os"
	"runtime"
)

type frame struct {
	Function, File string
	Line           int
}

type client struct{ name string }

func main() {
	c := &client{"orders"}
	c.fetch(func() { c.report() })
	io.Copy(io.Discard, os.Stdin)
}

func (c *client) fetch(then func()) { short(then) } // inlined, and so is what it calls

func short(then func()) { shorter(then) }

func shorter(then func()) { then(); then = nil }

//go:noinline
func (c *client) report() {
	var pcs [32]uintptr
	n := runtime.Callers(1, pcs[:])
	var out struct {
		PCs    []uintptr
		Frames []frame
	}
	out.PCs = pcs[:n]
	frames := runtime.CallersFrames(pcs[:n])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		out.Frames = append(out.Frames, frame{f.Function, f.File, f.Line})
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
