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
	if b == nil || !b.closed.CompareAndSwap(false, true) {
		return nil
	}
	return b.rc.Close()
}

// give returns what is inside, for the receiver to read and close.
func (b *requestBody) give() io.ReadCloser {
	b.read.Store(true)
	b.closed.Store(true)
	return b.rc
}

// rewind returns a body that can be sent from its beginning: b if nobody
// touched it, else a new one by GetBody.
func (b *requestBody) rewind(req *http.Request) (*requestBody, error) {
	if b == nil || !b.read.Load() && !b.closed.Load() {
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
