//go:build !linux

package tracer

import (
	"errors"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
)

// A Tracer can only be had on Linux.
type Tracer struct{}

var errLinux = errors.New("berth trace works on Linux only: it reads the kernel by eBPF")

// Runs says so, and so does Start.
func Runs(int) error { return errLinux }

// Start is there for the verb.
func Start(Options) (*Tracer, error) { return nil, errLinux }

// StartUnprivileged says why.
func StartUnprivileged(why error) (*Tracer, error) { return nil, why }

// Run, Bill and Close are never reached.
func (*Tracer) Run(func() error) error { return errors.ErrUnsupported }

func (*Tracer) Bill() (*bill.Bill, error) { return nil, errors.ErrUnsupported }

func (*Tracer) Close() error { return nil }
