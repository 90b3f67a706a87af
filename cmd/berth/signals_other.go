//go:build !unix

package main

import "os"

var passed = []os.Signal{os.Interrupt}
