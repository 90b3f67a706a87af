package verdict

import (
	"fmt"

	"github.com/berth-go/berth/cmd/berth/internal/bill"
	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
)

// few is how many connections are too few to say something of a habit.
const few = 5

// berthTransport is what cures a Go program, whatever its pool does wrong.
const berthTransport = "or use berth.Transport, which keeps as many as were needed at once (docs/transport.md)"

var failures = map[string]string{
	"EADDRNOTAVAIL": "no local port is free",
	"ECONNREFUSED":  "nobody listens there",
	"ETIMEDOUT":     "nobody answers",
	"ECANCELED":     "it was given up before an answer came",
	"EHOSTUNREACH":  "no host answers there",
	"ENETUNREACH":   "there is no route",
}

func connectsFail(s *scene) (Verdict, bool) {
	name, n := s.topFailure()
	if s.Connections > 0 || n == 0 {
		return Verdict{}, false
	}
	why := name
	if words := failures[name]; words != "" {
		why = words + " (" + name + ")"
	}
	v := Verdict{What: fmt.Sprintf("no connect came about: %s failed, since %s", diagnose.Plural(s.Failures(), "attempt"), why)}
	if name == "EADDRNOTAVAIL" {
		v.Do = []string{s.check()}
	} else {
		v.Do = []string{"see whether the address is right, the service is up and the way to it is open"}
	}
	return v, true
}

func tooFew(s *scene) (Verdict, bool) {
	return Verdict{
		What: fmt.Sprintf("%s: too few to tell a habit", diagnose.Plural(s.Connections, "connection")),
		Do:   []string{"trace for longer, or while there is load: --for 60s"},
	}, s.Connections < few
}

// reused: many requests a connection, or connections that stay and have worked more than once.
func reused(s *scene) (Verdict, bool) {
	stays := s.Open*10 >= s.Connections*9 && s.Requests >= 2
	// Large requests have many segments, and a library that closes each connection knows better.
	wasted := s.explains && s.reason != "idle timeout" && s.reason != "server closed idle" && s.Ended()*10 >= s.Connections*9 && s.Connections >= few
	return Verdict{
		What: fmt.Sprintf("connections are reused: %s requests each", times(s.Requests)),
	}, stays || s.Requests >= 10 && !wasted
}

// transportPerCall: an address that is freed is the next Transport's, so that there are more Transports than addresses.
func transportPerCall(s *scene) (Verdict, bool) {
	dials, most, library := 0, 0, bill.NetHTTP
	for _, site := range s.Sites {
		if site.Through != "" {
			dials += site.Connections
			if site.Transports > most {
				most, library = site.Transports, site.Through
			}
		}
	}
	n := s.Transports
	noun := "an http.Transport"
	if library == bill.Berth {
		noun = "a berth.Transport"
	}
	return Verdict{
		What: fmt.Sprintf("each call makes %s of its own: %s connections by %s of them or more", noun, diagnose.Count(dials), diagnose.Count(n)),
		Do:   []string{s.at("make it once, and share it"), "berth vet ./... finds the line (newtransport)"},
	}, n >= 3 && 2*n >= dials || n >= 10 && 8*n >= dials
}

func keepalivesDisabled(s *scene) (Verdict, bool) {
	off := false
	for _, site := range s.Sites {
		off = off || site.NoKeepAlive
	}
	return Verdict{
		What: "its Transport has keep-alives disabled: each request has a connection of its own",
		Do:   []string{s.at("remove DisableKeepAlives")},
	}, s.because("no keep-alives") || off && (s.because("read loop") || s.reasons == 0)
}

func poolTooSmall(s *scene) (Verdict, bool) {
	if s.because("full") {
		return Verdict{
			What: fmt.Sprintf("its pool is full: MaxIdleConns, for all hosts together, is below what runs at once (%s here)", diagnose.Count(s.Peak)),
			Do:   []string{s.at("raise MaxIdleConns, or set it to 0 for no limit"), berthTransport},
		}, true
	}
	if !s.because("full host") {
		return Verdict{}, false
	}
	const netHTTPDefault = 2
	keeps, known := 0, false
	for _, site := range s.Sites {
		if site.Through == bill.NetHTTP && site.MaxIdle >= 0 {
			keeps, known = max(keeps, site.MaxIdle), true
		}
	}
	if keeps == 0 {
		keeps = netHTTPDefault
	}
	what := fmt.Sprintf("its pool is smaller than what runs at once: %s were open", diagnose.Plural(s.Peak, "connection"))
	if known {
		what = fmt.Sprintf("its pool keeps %s, and up to %s were open at once", diagnose.Plural(keeps, "idle connection"), diagnose.Count(s.Peak))
	}
	return Verdict{What: what, Do: []string{fmt.Sprintf("set MaxIdleConnsPerHost >= %d", s.Peak), berthTransport}}, true
}

func closeIdle(s *scene) (Verdict, bool) {
	return Verdict{
		What: "CloseIdleConnections is called while there are requests: it closes what the next one would use",
		Do:   []string{s.at("call it when the program ends, and not before"), "berth vet ./... finds the line (closeidle)"},
	}, s.because("close idle")
}

func requestsCancelled(s *scene) (Verdict, bool) {
	return Verdict{
		What: fmt.Sprintf("requests are cancelled, or out of time, before their answer is read: each takes its connection with it (they live %s)", diagnose.Millis(s.Life.P50)),
		Do:   []string{s.at("give the server the time that it needs, or ask it for less"), "or use HTTP/2, where a cancelled request leaves its connection"},
	}, s.because("cancelled")
}

func serverClosesIdle(s *scene) (Verdict, bool) {
	return Verdict{
		What: "the server closes idle connections before they are used again",
		Do:   []string{"raise the keep-alive timeout of the server above the time between requests", "or set IdleConnTimeout below the server's, so that no request meets a close"},
	}, s.because("server closed idle")
}

func idleTimeout(s *scene) (Verdict, bool) {
	return Verdict{
		What: "connections are idle for longer than IdleConnTimeout, and closed before they are used again",
		Do:   []string{"raise IdleConnTimeout above the time between requests"},
	}, s.because("idle timeout")
}

// bodyNotRead: net/http's read loop ends with a close after a response whose body was not read to its end, and the
// kernel makes a reset of it where bytes were left.
func bodyNotRead(s *scene) (Verdict, bool) {
	return Verdict{
		What: "bodies are closed before they are read to their end: a connection with bytes left cannot be used again",
		Do:   []string{s.at("read to the end before the close: io.Copy(io.Discard, resp.Body)"), "berth vet ./... finds the line (bodydrain)"},
	}, s.because("read loop") && s.most(s.Reset)
}

func connectionLeak(s *scene) (Verdict, bool) {
	const many = 20
	return Verdict{
		What: fmt.Sprintf("connections are opened and not closed: %s of %s, after %s requests each", diagnose.Count(s.Open), diagnose.Count(s.Connections), times(s.Requests)),
		Do:   []string{s.at("share one client, and close what you open")},
	}, s.Connections >= many && s.Open*10 >= s.Connections*8 && s.Requests < 2
}

// dialPerCall is of Go, where a call with a pool is seen inside of it.
func dialPerCall(s *scene) (Verdict, bool) {
	_, known := s.site()
	return Verdict{
		What: fmt.Sprintf("each call dials: %s requests a connection", times(s.Requests)),
		Do:   []string{s.at("keep the connection, or use a pool"), "berth vet ./... finds the line (dialpercall)"},
	}, s.Process.Go != "" && known && !s.usesHTTP() && s.reasons == 0 && s.Requests < 2
}

func serverCloses(s *scene) (Verdict, bool) {
	return Verdict{
		What: fmt.Sprintf("the other side closes after %s requests: with HTTP, the answer or the request says Connection: close (TIME_WAIT is there, not here)", times(s.Requests)),
		Do:   []string{s.at("look for Request.Close, a Connection: close header, or HTTP/1.0 in the client"), "and for a keep-alive limit in the server"},
	}, s.most(s.ClosedByPeer)
}

func resets(s *scene) (Verdict, bool) {
	return Verdict{
		What: "connections are reset: closed with bytes that nobody read, or by SO_LINGER 0, or by the other side",
		Do:   []string{s.at("read each answer to its end before the close")},
	}, s.most(s.Reset)
}

func oneConnectionARequest(s *scene) (Verdict, bool) {
	return Verdict{
		What: fmt.Sprintf("%s requests a connection, closed by this side", times(s.Requests)),
		Do:   []string{diagnose.ShareOneClient, s.check()},
	}, s.Requests < 2 && s.most(s.ClosedByUs)
}

func partlyReused(s *scene) (Verdict, bool) {
	v := Verdict{
		What: fmt.Sprintf("connections are reused, but not for long: %s requests each", times(s.Requests)),
		Do:   []string{diagnose.ShareOneClient},
	}
	if s.share > 0 {
		v.What += ", then " + s.reason
	}
	return v, true
}
