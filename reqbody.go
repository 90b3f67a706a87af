package berth

import (
	"io"
	"net/http"
	"sync/atomic"
)

// requestBody is the body of a request: closed once, whoever closes it, and
// known to have been touched or not, which a retry must know. A nil one is no
// body.
type requestBody struct {
	rc      io.ReadCloser
	read    atomic.Bool
	closed  atomic.Bool
	held    atomic.Int32 // see hold
	after   atomic.Pointer[func()]
	refused atomic.Bool           // the server does not want it: Read fails
	fault   atomic.Pointer[error] // of Read, but for io.EOF
}

func newRequestBody(req *http.Request) *requestBody {
	if !hasBody(req) {
		return nil
	}
	return &requestBody{rc: req.Body}
}

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

func (b *requestBody) Read(p []byte) (int, error) {
	if b.refused.Load() {
		return 0, errBodyRefused
	}
	b.read.Store(true)
	n, err := b.rc.Read(p)
	if err != nil && err != io.EOF && !b.closed.Load() {
		b.fault.Store(&err)
	}
	return n, err
}

func (b *requestBody) Close() error {
	if b == nil || !b.read.Load() && b.held.CompareAndSwap(held, heldClosed) || !b.closed.CompareAndSwap(false, true) {
		return nil
	}
	err := b.rc.Close()
	if f := b.after.Swap(nil); f != nil {
		(*f)()
	}
	return err
}

// whenClosed has f called when the body is closed, or now if it is.
func (b *requestBody) whenClosed(f func()) {
	b.after.Store(&f)
	if b.closed.Load() {
		if f := b.after.Swap(nil); f != nil {
			(*f)()
		}
	}
}

const (
	held       = iota + 1
	heldClosed // Close was called
)

// hold keeps Close from closing a body that was not read, until letGo: net/http
// closes the body of a request that it could not send over HTTP/2, and that
// another connection still can.
func (b *requestBody) hold() { b.held.Store(held) }

// letGo ends hold. The Close that was held back is done, or, if keep is true,
// forgotten.
func (b *requestBody) letGo(keep bool) {
	if b != nil && b.held.Swap(0) == heldClosed && !keep {
		b.Close()
	}
}

// give returns what is inside, for the receiver to read and close.
func (b *requestBody) give() io.ReadCloser {
	b.read.Store(true)
	b.closed.Store(true)
	return b.rc
}

// canRewind reports whether rewind can return a body.
func (b *requestBody) canRewind(req *http.Request) bool {
	return b.untouched() || req.GetBody != nil
}

func (b *requestBody) untouched() bool { return b == nil || !b.read.Load() && !b.closed.Load() }

// rewind returns a body that can be sent from its beginning: b if nobody
// touched it, else a new one by GetBody.
func (b *requestBody) rewind(req *http.Request) (*requestBody, error) {
	if b.untouched() {
		return b, nil
	}
	b.Close()
	if req.GetBody == nil {
		return nil, errCannotRewind
	}
	rc, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	return &requestBody{rc: rc}, nil
}
