package berth

import (
	"context"
	"net/http"
	"sync"
)

// Warm makes connections to the host of url, so that n requests that come at once
// find one each, idle; over HTTP/2, a stream each. Those that are there count.
// It returns when they are ready, with the first error if some could not be had:
// the Transport's limits hold for them, and the wait ends with ctx. No request is
// sent.
func (t *Transport) Warm(ctx context.Context, url string, n int) error {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	where, err := t.admit(req)
	if err != nil {
		return err
	}
	leases, errs := make([]*lease, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			x := t.newExchange(req, nil, where)
			x.rush = true
			leases[i], errs[i] = x.acquire()
		})
	}
	wg.Wait() // with all of them leased, none was had twice
	for _, l := range leases {
		if l != nil {
			t.restore(l)
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
