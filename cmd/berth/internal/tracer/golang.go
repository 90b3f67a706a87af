package tracer

import (
	"go/version"
	"io"
	"strings"

	"github.com/berth-go/berth/cmd/berth/internal/bpf"
	"github.com/berth-go/berth/cmd/berth/internal/symbol"
)

// layouts are where net/http of each release of Go has what the probes read. TestReleases builds a program with each
// and looks. A release that is not here is not looked into: a wrong offset would have a wrong reason.
var layouts = map[string]bpf.HTTPLayout{
	"go1.22": {Closed: 232, NoKeepAlive: 176, MaxIdlePerHost: 192},
	"go1.23": {Closed: 232, NoKeepAlive: 232, MaxIdlePerHost: 248},
	"go1.24": {Closed: 232, NoKeepAlive: 232, MaxIdlePerHost: 248},
	"go1.25": {Closed: 232, NoKeepAlive: 232, MaxIdlePerHost: 248},
	"go1.26": {Closed: 240, NoKeepAlive: 232, MaxIdlePerHost: 248},
}

// A point is where a probe is put: on a function, or where a function calls another one.
type point struct {
	at       bpf.Point
	function string
	calls    string
}

// httpPoints are in net/http of every release in layouts. The first runs on the goroutine of the request, so that its
// stack has the call in it; net/http dials on another one. The second is a call, since tryDeliver is called for each
// request that is sent on a connection that was idle, too: those pay nothing.
var httpPoints = []point{
	{bpf.HTTPQueue, "net/http.(*Transport).queueForDial", ""},
	{bpf.HTTPDeliver, "net/http.(*Transport).dialConnFor", "net/http.(*wantConn).tryDeliver"},
	{bpf.HTTPClose, "net/http.(*persistConn).closeLocked", ""},
}

// berthPoints are in package berth, which keeps them for this.
var berthPoints = []point{
	{bpf.BerthDial, "github.com/berth-go/berth.startDial", ""},
	{bpf.BerthDialed, "github.com/berth-go/berth.dialed", ""},
	{bpf.BerthClose, "github.com/berth-go/berth.closeNet", ""},
}

// An executable knows where a Go binary has its functions, and its code.
type executable struct {
	*symbol.Object
	code io.ReaderAt
}

// probes are those that a binary of a release of Go can have.
func (e executable) probes(release string) (all []bpf.Probe, known bool) {
	release, _, _ = strings.Cut(release, " ") // go1.26.8 X:experiment
	layout, known := layouts[version.Lang(release)]
	if known {
		all = append(all, e.probesAt(httpPoints, layout.Cookie())...)
	}
	return append(all, e.probesAt(berthPoints, 0)...), known
}

// probesAt are all of the points or none: the linker leaves out what nothing calls.
func (e executable) probesAt(points []point, cookie uint64) (all []bpf.Probe) {
	for _, p := range points {
		offset, ok := e.Func(p.function)
		if p.calls != "" {
			offset, ok = e.Call(e.code, p.function, p.calls)
		}
		if !ok {
			return nil
		}
		all = append(all, bpf.Probe{Point: p.at, Offset: offset, Cookie: cookie})
	}
	return all
}
