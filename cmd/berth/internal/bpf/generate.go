// Package bpf has the kernel count what processes connect to: it loads the
// programs of trace.bpf.c, attaches them, and reads their tables.
package bpf

//go:generate go tool bpf2go -target amd64,arm64 -tags linux -type settings -type endpoint -type group -type conn -type site -type site_count -type failure -type reason -type transport_key -type transport -type news object trace.bpf.c -- -O2 -Wall -Werror -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu
