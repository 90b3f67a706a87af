package berth_test

import (
	"net"
	"sync"
	"time"
)

// A packer decides what the client can read at once, a portion, and what goes
// out in one write.
type packer struct {
	*net.TCPConn
	wire *wire
	hold bool // what is written belongs to one portion with what follows
	wait bool // portions wait for flush

	unsent, portion []byte
	ahead           []byte // that await read
}

// await returns when the client has sent something, or has ended.
func (p *packer) await() error {
	var b [1]byte
	n, err := p.TCPConn.Read(b[:])
	p.ahead = b[:n]
	return err
}

func (p *packer) Read(b []byte) (int, error) {
	if len(p.ahead) == 0 || len(b) == 0 {
		return p.TCPConn.Read(b)
	}
	n := copy(b, p.ahead)
	p.ahead = p.ahead[n:]
	return n, nil
}

func (p *packer) Write(b []byte) (int, error) {
	p.portion = append(p.portion, b...)
	if p.hold {
		return len(b), nil
	}
	p.seal()
	if p.wait {
		return len(b), nil
	}
	return len(b), p.flush()
}

// seal ends the portion.
func (p *packer) seal() {
	p.wire.writing(len(p.portion))
	p.unsent = append(p.unsent, p.portion...)
	p.portion = p.portion[:0]
}

func (p *packer) flush() error {
	p.hold, p.wait = false, false
	if len(p.portion) > 0 {
		p.seal()
	}
	_, err := p.TCPConn.Write(p.unsent)
	p.unsent = p.unsent[:0]
	return err
}

// SetWriteDeadline does nothing: TLS sets one that has passed behind its
// close_notify, which may still be held back.
func (p *packer) SetWriteDeadline(time.Time) error { return nil }

// A clientConn is the client's end of a connection, if the transport reads ahead
// and this has to be waited for. A Read returns bytes of one portion only, so that cuts
// are where the script has them and not where the two happen to meet.
type clientConn struct {
	*net.TCPConn
	wire *wire
}

func (c *clientConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return c.TCPConn.Read(p)
	}
	coming := c.wire.beginRead()
	n, err := c.TCPConn.Read(p[:min(len(p), max(coming, 1))])
	if rest := c.wire.endRead(n); coming == 0 && n == 1 && rest > 0 && len(p) > 1 {
		// It had to wait for the first byte to learn how many there are.
		c.wire.beginRead()
		more, _ := c.TCPConn.Read(p[1:min(len(p), 1+rest)])
		c.wire.endRead(more)
		n += more
	}
	return n, err
}

func (c *clientConn) Close() error {
	err := c.TCPConn.Close()
	c.wire.close()
	return err
}

// A wire is what a connection's two ends know together: how many bytes the
// server has written, in which portions, and how far the client has read.
type wire struct {
	mu       sync.Mutex // guards the fields below
	changed  *sync.Cond
	written  int
	portions []int // where those end that are not read to their end
	read     int
	readers  int // that are in Read
	closed   bool
}

func newWire() *wire {
	w := &wire{}
	w.changed = sync.NewCond(&w.mu)
	return w
}

// writing notes a portion before it is sent, so that no reader is ahead of it.
func (w *wire) writing(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written += n
	w.portions = append(w.portions, w.written)
}

// beginRead returns how many bytes are to come of the portion that is being read;
// zero if there is none.
func (w *wire) beginRead() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readers++
	w.changed.Broadcast()
	return w.coming()
}

// endRead returns what is still to come of the portion that n bytes were read of.
func (w *wire) endRead(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readers--
	rest := max(w.coming()-n, 0)
	w.read += n
	for len(w.portions) > 0 && w.portions[0] <= w.read {
		w.portions = w.portions[1:]
	}
	return rest
}

func (w *wire) coming() int {
	if len(w.portions) == 0 {
		return 0
	}
	return w.portions[0] - w.read
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.changed.Broadcast()
}

// settle waits until a client that always reads has taken note of all that the
// server did: it has closed the connection, or waits in Read with nothing to
// come. After an ending only the former will do. It returns false if nothing of
// that happens.
func (w *wire) settle(e ending) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	late := false
	timer := time.AfterFunc(hangTimeout, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		late = true
		w.changed.Broadcast()
	})
	defer timer.Stop()
	for !w.closed && !late && !(e == keeps && w.readers > 0 && w.read == w.written) {
		w.changed.Wait()
	}
	return !late
}
