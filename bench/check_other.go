//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
)

// labVerb makes this program the lab, on Linux.
const labVerb = "checklab"

var errNeedsLinux = errors.New("it needs linux")

func canCheck() error { return errNeedsLinux }

func checkInLab(context.Context, *options, string, int) ([]checkResult, error) {
	return nil, errNeedsLinux
}

func lab([]string, io.Writer, io.Writer) int { return 2 }
