package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// A load is requests that are sent to one URL through one client.
type load struct {
	client   *http.Client
	url      string
	requests int64

	begun, ok, failed atomic.Int64

	once  sync.Once
	first error // of the request that failed first
}

// run sends the requests from so many callers, until all are sent or phaseTime is over, and returns how long
// that took. It returns when every request that was sent has ended.
func (l *load) run(ctx context.Context, callers int, report func(ok, failed int64)) time.Duration {
	report(0, 0)
	start := time.Now()
	ctx, cancel := context.WithDeadline(ctx, start.Add(phaseTime+graceTime))
	defer cancel()
	var wg sync.WaitGroup
	for range min(int64(callers), l.requests) {
		wg.Go(func() { l.call(ctx, start.Add(phaseTime)) })
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
	}()
	l.watch(done, report)
	return time.Since(start)
}

// watch reports how far the load is until done.
func (l *load) watch(done <-chan struct{}, report func(ok, failed int64)) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			report(l.ok.Load(), l.failed.Load())
		}
	}
}

// call is one caller: the next request when the last has ended. In between it lets the others run, as a caller
// would that does something with its response. Callers that never do take turns so neatly, when there are few
// processors, that hardly a connection is idle and http.Transport's two suffice every other time.
func (l *load) call(ctx context.Context, until time.Time) {
	for ctx.Err() == nil && time.Now().Before(until) && l.begun.Add(1) <= l.requests {
		l.count(l.request(ctx))
		runtime.Gosched()
	}
}

func (l *load) count(err error) {
	if err == nil {
		l.ok.Add(1)
		return
	}
	l.once.Do(func() { l.first = err })
	l.failed.Add(1)
}

func (l *load) request(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// result is valid once run has returned.
func (l *load) result() Phase {
	p := Phase{OK: int(l.ok.Load()), Failed: int(l.failed.Load())}
	if l.first != nil {
		p.FirstError = words(l.first)
	}
	p.TimedOut = int64(p.OK+p.Failed) < l.requests
	return p
}

// words are the kernel's own, if it was the kernel that refused, and else those of whoever did.
func words(err error) string {
	var kernel *os.SyscallError
	if errors.As(err, &kernel) {
		return kernel.Error()
	}
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err.Error()
	}
	return err.Error()
}
