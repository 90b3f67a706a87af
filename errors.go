package berth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// ErrClosed is returned for requests that are made, or wait, after Close or
// Shutdown was called.
var ErrClosed = errors.New("berth: transport closed")

// ErrQueueFull is the cause of an AcquireError when MaxWaiting requests wait for
// a connection to the host already.
var ErrQueueFull = errors.New("too many requests wait for a connection")

// errReserve is why a dial did not begin.
var errReserve = errors.New("too few local ports are left")

// errHostGone: the host left the map between look-up and lock. Not seen by users.
var errHostGone = errors.New("berth: internal error: host is gone")

// Errors that net/http has too, with its text: programs and tests look for it.
var (
	errRequestCanceled     = errors.New("net/http: request canceled")
	errRequestCanceledConn = errors.New("net/http: request canceled while waiting for connection")
	errReadOnClosedBody    = errors.New("http: read on closed response body")
	errCannotRewind        = errors.New("net/http: cannot rewind body after connection loss")

	errHeaderTimeout error = &timeoutError{"net/http: timeout awaiting response headers"}
	errTLSTimeout    error = &timeoutError{"net/http: TLS handshake timeout"}
)

// timeoutError is a net.Error that is context.DeadlineExceeded too.
type timeoutError struct{ text string }

func (e *timeoutError) Error() string        { return e.text }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Temporary() bool      { return true }
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// An AcquireError tells that a request did not get a connection: it was still
// waiting when its context or the Transport's AcquireTimeout or Timeout ended,
// or the queue was full (errors.Is ErrQueueFull). The numbers are of its host
// at that moment.
//
// A request whose context is cancelled, rather than past its deadline, gets the
// context's cause alone, as from net/http.
type AcquireError struct {
	Host        string        // the host's key, as in Stats
	Waited      time.Duration // since the request began to wait
	InUse       int
	Idle        int
	Dialing     int
	Waiting     int   // requests, this one included
	DialsFailed int64 // while the host has been known
	LastDialErr error // of the last dial that failed, or nil
	Err         error // why it ended: context.DeadlineExceeded and the like, or ErrQueueFull
}

// Error is one line, for example
//
//	waited 3s for a connection to https://10.0.0.7:443: 100 in use, 0 idle, 41 waiting, 3 dials failed (connect: cannot assign requested address): context deadline exceeded
func (e *AcquireError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "waited %v for a connection to %s: %d in use, %d idle, %d waiting",
		roundWait(e.Waited), e.Host, e.InUse, e.Idle, e.Waiting)
	if e.Dialing > 0 {
		fmt.Fprintf(&b, ", %d dialing", e.Dialing)
	}
	if e.DialsFailed > 0 {
		fmt.Fprintf(&b, ", %d dials failed", e.DialsFailed)
		if e.LastDialErr != nil {
			fmt.Fprintf(&b, " (%v)", shortDialErr(e.LastDialErr))
		}
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns Err.
func (e *AcquireError) Unwrap() error { return e.Err }

// Timeout reports whether a deadline ended the wait.
func (e *AcquireError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// Temporary is there for net.Error, and is Timeout.
func (e *AcquireError) Temporary() bool { return e.Timeout() }

func roundWait(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d
}

// shortDialErr leaves out the address, which the line has already.
func shortDialErr(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// A LocalError tells that a dial failed for want of something on this machine,
// rather than because of the server: a local port, a file descriptor, kernel
// memory. Its chain keeps the *net.OpError and the errno, so
// errors.Is(err, syscall.EADDRNOTAVAIL) holds.
type LocalError struct {
	Host  string // the host's key, as in Stats
	What  string // what ran out: "no free local port", "no file descriptor left" …
	Held  int    // connections and dials to that host in this Transport
	Range int    // ports in the system's ephemeral range; 0 where it is unknown or another thing ran out
	Err   error  // from the dial
}

// Error is the dial's own text, with what the pool knows behind it.
func (e *LocalError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %s: this pool holds %d", e.Err, e.What, e.Held)
	if e.Range > 0 {
		fmt.Fprintf(&b, " of a range of %d; berth check shows the rest", e.Range)
	} else {
		fmt.Fprintf(&b, " to %s", e.Host)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *LocalError) Unwrap() error { return e.Err }

// Windows sockets' errors, which package syscall has by no name.
const (
	wsaEMFILE     = syscall.Errno(10024)
	wsaEADDRINUSE = syscall.Errno(10048)
	wsaENOBUFS    = syscall.Errno(10055)
)

// localFault says what this machine lacked if that is why a dial failed.
//
// The system call matters: connect fails with EADDRNOTAVAIL for want of a port
// (__inet_hash_connect), bind with the same when the address is not of this
// machine, which is a fault of the configuration; bind fails with EADDRINUSE
// when the one range for all destinations is used up (inet_csk_find_open_port).
func localFault(err error) (what string, ports, ok bool) {
	if errors.Is(err, errReserve) {
		return "PortReserve", true, true
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return "", false, false
	}
	call := ""
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		call = sys.Syscall
	}
	switch {
	case errno == syscall.EADDRNOTAVAIL && call != "bind":
		return "no free local port", true, true
	case errno == syscall.EADDRINUSE && call == "bind":
		return "no free local port for a bound address", true, true
	case errno == syscall.EMFILE, errno == wsaEMFILE && isWindows:
		return "no file descriptor left in this process", false, true
	case errno == syscall.ENFILE:
		return "no file descriptor left on this machine", false, true
	case errno == syscall.ENOBUFS:
		return "no buffer space", false, true
	case isWindows && errno == wsaENOBUFS, isWindows && errno == wsaEADDRINUSE:
		return "no free local port", true, true
	}
	return "", false, false
}
