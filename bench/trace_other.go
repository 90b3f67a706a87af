//go:build !linux

package main

import (
	"context"
	"io"
)

// traceLabVerb makes this program the lab, on Linux.
const traceLabVerb = "tracelab"

func canTrace() error { return errNeedsLinux }

func traceInLab(context.Context, *options, string, string, int) (traceResult, error) {
	return traceResult{}, errNeedsLinux
}

func traceLab([]string, io.Writer, io.Writer) int { return 2 }
