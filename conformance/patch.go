package main

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
)

// A patch is a small change within one function of the suite. What it looks for
// is Go 1.26's: a patch that no longer fits is told in a warning.
type patch struct {
	fn, old, new string
	n            int    // how often fn has old
	lacking      string // made only for a type without this method
	weak         string // what the tests no longer check, if anything
}

const (
	weakTimeout = "takes the text 'context deadline exceeded' for 'Client.Timeout': which of the two an http.Client gives is chance with any type but http.Transport"
	weakSettle  = "waits 30 ms instead of for the read-loop hook"
	weakCancel  = "cancels through Request.Cancel, not CancelRequest"
)

var patches = []patch{
	// What every test goes through.
	{fn: "run", old: "range modes {", new: "range conformModes(t, modes) {", n: 1},
	{fn: "TestMain", old: "v == 0 && goroutineLeaked()", new: "conformDone() && goroutineLeaked()", n: 1},
	{fn: "newClientServerTest", old: "cst.ts.Config.ErrorLog == nil", new: "conformWatch(t, cst.ts, mode) && cst.ts.Config.ErrorLog == nil", n: 1},

	{fn: "TestTransportClone", old: "token.IsExported(sf.Name)", new: "(token.IsExported(sf.Name) && conformStdField(sf.Name))", n: 1},
	{fn: "testTransportAutoHTTP", old: `tr.TLSNextProto["h2"] != nil`, new: "conformOffersH2(t, tr)", n: 1},

	{fn: "testClientTimeout", old: `strings.Contains(err.Error(), "Client.Timeout")`, new: `conformTimeoutText(err.Error(), "Client.Timeout")`, n: 1, weak: weakTimeout},
	{fn: "testClientTimeout", old: `strings.Contains(got, "(Client.Timeout")`, new: `conformTimeoutText(got, "(Client.Timeout")`, n: 1},
	{fn: "testClientTimeout_Headers", old: `strings.Contains(got, "Client.Timeout exceeded")`, new: `conformTimeoutText(got, "Client.Timeout exceeded")`, n: 1, weak: weakTimeout},

	{fn: "testRetryRequestsOnError", old: "got != want", new: `got != strings.ReplaceAll(want, "Retried.\n", "")`, n: 1,
		weak: "does not see the internal 'retried' hook; the log of dials, writes and handler calls is compared in full"},
	{fn: "testTransportMaxConnsPerHostDialCancellation", old: "SetPendingDialHooks(cancel, nil)", new: "ctx = conformOnGetConn(ctx, cancel)", n: 1,
		weak: "cancels from httptrace's GetConn instead of the pending-dial hook"},
	{fn: "testTransportMaxIdleConns", old: "slices.Equal(got, want)", new: "conformSameKeys(tr, got, want)", n: 2,
		weak: "compares the number of idle connections, not their hosts, unless the type has IdleConnsForTesting"},

	{fn: "testTransportHeadChunkedResponse", old: "<-didRead", new: "conformSettle()", n: 2, weak: weakSettle},
	{fn: "testIdleConnChannelLeak", old: "<-didRead", new: "conformSettle()", n: 1, weak: weakSettle + "; does not see the map of waiters"},
	{fn: "TestTransportReqCancelerCleanupOnRequestBodyWriteError", old: "<-didRead", new: "conformSettle()", n: 1, weak: weakSettle},

	{fn: "testTransportAndServerSharedBodyRace", old: "proxy.c.Transport.(*Transport).CancelRequest(req2)", new: "close(cancel)", n: 1,
		lacking: "CancelRequest", weak: weakCancel},
	{fn: "testTransportResponseCancelRace", old: "res, err := tr.RoundTrip(req)", new: "cancel := conformCancel(req); res, err := tr.RoundTrip(req)", n: 1,
		lacking: "CancelRequest", weak: weakCancel},
	{fn: "testTransportResponseCancelRace", old: "tr.CancelRequest(req)", new: "cancel()", n: 1, lacking: "CancelRequest"},
	{fn: "testTransportCloseResponseBody", old: "defer tr.CancelRequest(req)", new: "_ = tr; defer conformCancel(req)()", n: 1, lacking: "CancelRequest"},
}

// hooks are the test hooks of net/http's transport that only make timing
// certain, and what the shim has in their place: mostly nothing.
var hooks = map[string]string{
	"SetPendingDialHooks":               "conformNoPendingDialHooks",
	"SetReadLoopBeforeNextReadHook":     "conformNoHook",
	"SetEnterRoundTripHook":             "conformNoHook",
	"SetRoundTripRetried":               "conformNoHook",
	"ExportHttp2ConfigureTransport":     "conformConfigureHTTP2",
	"ExportCloseTransportConnsAbruptly": "conformCloseConnsAbruptly",
}

// needsHook are the hooks without which a test cannot run.
var needsHook = map[string]bool{"SetTestHookProxyConnectTimeout": true}

// probes are the methods of net/http's export_test.go that the shim answers by
// other means, for a type that lacks them.
var probes = map[string]string{
	"IdleConnKeysForTesting":        "conformIdleConnKeys",
	"IdleConnKeyCountForTesting":    "conformIdleConnKeyCount",
	"IdleConnStrsForTesting":        "conformIdleConnStrs",
	"IdleConnStrsForTesting_h2":     "conformIdleConnStrs",
	"IdleConnCountForTesting":       "conformIdleConnCount",
	"IdleConnWaitMapSizeForTesting": "conformZero",
	"NumPendingRequestsForTesting":  "conformNumPending",
}

// patch makes the patches, those of patches but for tests.
func (r *rewriter) patch(patches []patch) {
	funcs := map[string]*ast.FuncDecl{}
	for fd := range r.external.funcs {
		if fd.Recv == nil {
			funcs[fd.Name.Name] = fd
		}
	}
	for _, p := range patches {
		if p.lacking != "" && r.subject.methods[p.lacking] {
			continue
		}
		fd := funcs[p.fn]
		if fd == nil {
			r.warn("patch of %s: there is no such function", p.fn)
			continue
		}
		r.patchFunc(p, fd)
	}
}

func (r *rewriter) patchFunc(p patch, fd *ast.FuncDecl) {
	src := r.external.src(fd)
	if got := strings.Count(src, p.old); got != p.n {
		r.warn("patch of %s: %q found %d times, want %d", p.fn, p.old, got, p.n)
		return
	}
	file, base := r.external.fileOf(fd.Pos()), r.external.offset(fd.Pos())
	for _, at := range regexp.MustCompile(regexp.QuoteMeta(p.old)).FindAllStringIndex(src, -1) {
		r.byFile[file] = append(r.byFile[file], edit{base + at[0], base + at[1], p.new, true})
	}
	if p.weak != "" {
		r.weakened[r.external.info.Defs[fd.Name]] = p.weak
	}
}

func (r *rewriter) warn(format string, args ...any) {
	r.plan.warnings = append(r.plan.warnings, fmt.Sprintf(format, args...))
}
