package a

import (
	"io"
	"iter"
	"net/http"
)

// The body of a loop over a function is one, though the compiler makes a function of it.

func seqNever(all iter.Seq[string]) {
	for u := range all {
		resp, err := http.Get("http://a/" + u) // want `the response's body is never closed`
		if err != nil {
			continue
		}
		println(resp.Status)
	}
}

func seqReturns(all iter.Seq[string]) error {
	for u := range all {
		resp, err := http.Get("http://a/" + u) // want `not closed on every path: not on that which leaves the loop in line 28`
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return nil
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	return nil
}

func seqContinues(all iter.Seq2[int, string]) error {
	for _, u := range all {
		resp, err := http.Get("http://a/" + u) // want `the response's body is not closed when the loop goes on`
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			continue
		}
		resp.Body.Close()
	}
	return nil
}

func seqRight(all iter.Seq[string]) (*http.Response, error) {
	for u := range all {
		resp, err := http.Get("http://a/" + u)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		resp.Body.Close()
	}
	return nil, nil
}

func seqDeferred(all iter.Seq[string]) error {
	for u := range all {
		resp, err := http.Get("http://a/" + u)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			break
		}
	}
	return nil
}

func seqLast(all iter.Seq[string]) (resp *http.Response, err error) {
	for u := range all {
		if resp, err = http.Get("http://a/" + u); err == nil {
			break
		}
	}
	return resp, err
}

func seqAfter(all iter.Seq[string]) {
	var last *http.Response
	for u := range all {
		resp, err := http.Get("http://a/" + u)
		if err != nil {
			continue
		}
		last = resp
		break
	}
	if last != nil {
		last.Body.Close()
	}
}
