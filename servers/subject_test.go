//go:build linux

package servers

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/berth-go/berth"
)

// A subject is what makes the requests: net/http's Transport, or ours.
type subject struct {
	name string
	http.RoundTripper
	berth *berth.Transport // nil if it is not ours
}

// maxIdle is more than any load here has connections.
const maxIdle = 100

func theirs(s *server) *subject {
	t := &http.Transport{MaxIdleConnsPerHost: maxIdle, ForceAttemptHTTP2: s.h2, ExpectContinueTimeout: time.Second}
	if s.overTLS() {
		t.TLSClientConfig = s.tlsConfig.Clone()
	}
	return &subject{name: "net/http", RoundTripper: t}
}

func ours(s *server) *subject {
	t := &berth.Transport{MaxIdleConnsPerHost: maxIdle, ForceAttemptHTTP2: s.h2, ExpectContinueTimeout: time.Second}
	if s.overTLS() {
		t.TLSClientConfig = s.tlsConfig.Clone()
	}
	return &subject{name: "berth", RoundTripper: t, berth: t}
}

// close ends the subject. Ours must have no request left, and then no connection.
func (s *subject) close(t *testing.T) {
	if s.berth == nil {
		s.RoundTripper.(*http.Transport).CloseIdleConnections()
		return
	}
	err := poll(func() error {
		if n := s.berth.Stats(); n.InUse+n.Waiting+n.Dialing > 0 {
			return fmt.Errorf("after the load, %d connections are in use, %d are dialed, %d requests wait", n.InUse, n.Dialing, n.Waiting)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	s.berth.Close()
	if n := s.berth.Stats().Open; n > 0 {
		t.Errorf("after Close, %d connections are open", n)
	}
}

// compare runs the same load on both subjects, each with a server of its own, and
// returns what became of it. It holds what is true whatever the scenario.
func compare(t *testing.T, p *program, n needs, load func(t *testing.T, s *server, rt http.RoundTripper) *tally) (their, our *tally) {
	t.Helper()
	for _, who := range []struct {
		make func(*server) *subject
		to   **tally
	}{{theirs, &their}, {ours, &our}} {
		s := p.start(t, n)
		sub := who.make(s)
		t.Run(sub.name, func(t *testing.T) {
			ta := load(t, s, sub)
			sub.close(t)
			ta.checkAnswers(t)
			ta.checkSeen(t, s)
			t.Log(ta)
			*who.to = ta
		})
	}
	switch {
	case t.Failed():
		t.FailNow()
	case their == nil || our == nil:
		t.Skip("-run chose one subject: nothing to compare")
	}
	return their, our
}
