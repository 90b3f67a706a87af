package tracer

import (
	"go/version"

	"github.com/berth-go/berth/cmd/berth/internal/bpf"
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

// A point is a function that a probe is put on.
type point struct {
	at       bpf.Point
	function string
}

// httpPoints are in net/http of every release in layouts. The first runs on the goroutine of the request, so that its
// stack has the call in it; net/http dials on another one.
var httpPoints = []point{
	{bpf.HTTPQueue, "net/http.(*Transport).queueForDial"},
	{bpf.HTTPDeliver, "net/http.(*wantConn).tryDeliver"},
	{bpf.HTTPClose, "net/http.(*persistConn).closeLocked"},
}

// berthPoints are in package berth, which keeps them for this.
var berthPoints = []point{
	{bpf.BerthDial, "github.com/berth-go/berth.startDial"},
	{bpf.BerthDialed, "github.com/berth-go/berth.dialed"},
	{bpf.BerthClose, "github.com/berth-go/berth.closeNet"},
}

// functions is where a Go binary has its functions, by their names.
type functions interface {
	Func(name string) (offset uint64, ok bool)
}

// probes are those that a binary of a release of Go can have.
func probes(f functions, release string) (all []bpf.Probe, known bool) {
	layout, known := layouts[version.Lang(release)]
	if known {
		all = append(all, probesAt(f, httpPoints, layout.Cookie())...)
	}
	return append(all, probesAt(f, berthPoints, 0)...), known
}

// probesAt are all of the points or none: the linker leaves out what nothing calls.
func probesAt(f functions, points []point, cookie uint64) (all []bpf.Probe) {
	for _, p := range points {
		offset, ok := f.Func(p.function)
		if !ok {
			return nil
		}
		all = append(all, bpf.Probe{Point: p.at, Offset: offset, Cookie: cookie})
	}
	return all
}
