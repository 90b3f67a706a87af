// Package dialpercall finds connections that are dialed for every request.
package dialpercall

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
)

const doc = `find net.Dial for every request

A connection that is dialed for a request that is served, or in a turn of a loop, and
closed with it, takes a port each time: keep some, or use a client that does.

A function that returns a new one each time is known as such wherever it is called, in
other packages too. One that is stored, or returned otherwise, is somebody's pool; one
that is dialed to see whether it can be, and not written to, is a probe, or its server
says all it has to say and closes; one that is joined to a hijacked one, is copied both
ways, or is dialed for one that a function was given, is a tunnel; one to another
address in each turn of a loop could not be used again; a loop that waits for what
other packages send may turn seldom, and one that comes back only where there was an
error has nothing to use again. These are fine, and so is what is not TCP, or not known
to be.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:      "dialpercall",
	Doc:       doc,
	URL:       "https://pkg.go.dev/github.com/berth-go/berth/vet/dialpercall",
	Requires:  []*analysis.Analyzer{code.Analyzer},
	FactTypes: []analysis.Fact{new(Dials)},
	Run:       run,
}

// dials are the functions, and which argument is the network.
var dials = map[string]int{
	"net.Dial": 0, "net.DialTimeout": 0, "net.DialTCP": 0,
	"(net.Dialer).Dial": 1, "(net.Dialer).DialContext": 2,
	"crypto/tls.Dial": 0, "crypto/tls.DialWithDialer": 1,
	"(crypto/tls.Dialer).Dial": 1, "(crypto/tls.Dialer).DialContext": 2,
}

// Dials is the fact of a function that it returns a new TCP connection each time.
type Dials struct{}

// AFact makes it one.
func (*Dials) AFact() {}

// String is for tests.
func (*Dials) String() string { return "returns a new connection" }

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	for findDialers(pass, c) {
	}
	for _, f := range c.Funcs {
		for _, d := range dialed(pass, f) {
			if c.IsTest(d.call.Pos()) || !isWasted(c, d) {
				continue
			}
			what := "a new connection"
			if d.by != nil {
				what += ", from " + d.by.Name() + ","
			}
			code.Reports(pass, code.Report{
				Pos: d.call.Pos(), End: d.call.Pos(),
				What: what + " " + c.Often(d.call).String() + ", closed with it",
				Do:   "keep connections and use them again, or use a client that does",
			})
		}
	}
	return nil, nil
}

// A dial is where a TCP connection is made.
type dial struct {
	call    *ssa.Call
	conn    ssa.Value
	address []ssa.Value // what it is to
	by      *types.Func // the function of the user's that makes it, if that is another
}

// dialed are those of a function.
func dialed(pass *analysis.Pass, f *ssa.Function) (all []dial) {
	for in, common := range code.Calls(f) {
		call, ok := in.(*ssa.Call)
		fn := code.Callee(common)
		if !ok || fn == nil {
			continue
		}
		d := dial{call: call, conn: result(call)}
		network, known := dials[code.FullName(fn)]
		switch {
		case d.conn == nil:
			continue
		case known && code.Begins(code.Args(common)[network], "tcp"):
			d.address = []ssa.Value{address(common, network)}
		case pass.ImportObjectFact(fn.Origin(), new(Dials)):
			d.by, d.address = fn, code.Args(common)
		default:
			continue
		}
		all = append(all, d)
	}
	return all
}

// findDialers exports the fact of the functions that return what they dial, and reports
// whether there were any that were not known: which may show others.
func findDialers(pass *analysis.Pass, c *code.Code) (found bool) {
	for _, f := range c.Funcs {
		fn, ok := f.Object().(*types.Func)
		if !ok || c.IsTest(f.Pos()) || pass.ImportObjectFact(fn, new(Dials)) {
			continue
		}
		for _, d := range dialed(pass, f) {
			flow := c.Follow(d.conn)
			if !flow.Returned || flow.Kept || !code.IsAlways(d.call.Block()) {
				continue
			}
			if res, ok := c.ReturnsIn(f, d.conn); ok && isConn(res.Type()) {
				pass.ExportObjectFact(fn, new(Dials))
				found = true
				break
			}
		}
	}
	return found
}

// isConn reports whether a type is a connection's, rather than that of something which
// has one.
func isConn(t types.Type) bool {
	return code.Named(t, "net", "Conn") || code.Named(t, "net", "TCPConn") || code.Named(t, "crypto/tls", "Conn")
}

// isWasted reports whether a connection is made again and again, to the same address,
// and is gone with the call.
func isWasted(c *code.Code, d dial) bool {
	often := c.Often(d.call)
	if !often.Serves() || !isUsed(d.conn) || isTunnel(d.conn) || hijacks(d.call.Parent()) || isServed(d.call.Parent()) {
		return false
	}
	if often.ByLoop() && slices.ContainsFunc(d.address, func(v ssa.Value) bool { return c.Varies(d.call, v) }) {
		return false
	}
	flow := c.Follow(d.conn)
	return !flow.Outlives() && !(flow.Looped && !code.InLoop(d.call))
}

// address is what a dial connects to.
func address(dial *ssa.CallCommon, network int) ssa.Value {
	if code.FullName(code.Callee(dial)) == "net.DialTCP" {
		return code.Args(dial)[network+2] // behind the local one
	}
	return code.Args(dial)[network+1]
}

// result is the connection that a call returns, or nil.
func result(call *ssa.Call) ssa.Value {
	if isConn(call.Type()) {
		return call
	}
	for _, in := range *call.Referrers() {
		if x, ok := in.(*ssa.Extract); ok && x.Index == 0 {
			return x
		}
	}
	return nil
}

// isUsed reports whether something is done with a connection but to close it and to
// ask who it is.
func isUsed(conn ssa.Value) bool {
	for in, v := range uses(conn) {
		switch in := in.(type) {
		case ssa.CallInstruction:
			if !looks(in.Common(), v) {
				return true
			}
		case *ssa.If, *ssa.BinOp, *ssa.DebugRef:
		default:
			return true
		}
	}
	return false
}

// isTunnel reports whether what comes from a connection is copied somewhere, and what
// comes from elsewhere to it.
func isTunnel(conn ssa.Value) bool {
	to, from := false, false
	for in, v := range uses(conn) {
		call, ok := in.(ssa.CallInstruction)
		if !ok {
			continue
		}
		switch code.FullName(code.Callee(call.Common())) {
		case "io.Copy", "io.CopyBuffer":
			to = to || call.Common().Args[0] == v
			from = from || call.Common().Args[1] == v
		}
	}
	return to && from
}

// looks reports whether a call sends nothing over the connection: a method of it, or
// what reads from it.
func looks(call *ssa.CallCommon, conn ssa.Value) bool {
	switch code.FullName(code.Callee(call)) {
	case "io.ReadAll", "io.ReadFull", "bufio.NewReader", "bufio.NewScanner", "encoding/json.NewDecoder", "encoding/csv.NewReader", "encoding/xml.NewDecoder":
		return true
	case "io.Copy", "io.CopyN":
		return call.Args[0] != conn
	}
	name := ""
	if call.IsInvoke() && call.Value == conn {
		name = call.Method.Name()
	} else if fn := code.Callee(call); fn != nil && fn.Signature().Recv() != nil && len(call.Args) > 0 && call.Args[0] == conn {
		name = fn.Name()
	}
	switch name {
	case "Read", "Close", "close", "LocalAddr", "RemoteAddr", "SetDeadline", "SetReadDeadline", "SetWriteDeadline", "ConnectionState", "Handshake", "HandshakeContext", "VerifyHostname":
		return true
	}
	return false
}

// hijacks reports whether a function, or one around it, takes a connection over
// from a server, or is one, and accepts it.
func hijacks(f *ssa.Function) bool {
	for ; f != nil; f = f.Parent() {
		for _, call := range code.Calls(f) {
			if fn := code.Callee(call); fn != nil && (fn.Name() == "Hijack" || fn.Name() == "Accept" || fn.Name() == "AcceptTCP") {
				return true
			}
		}
	}
	return false
}

// isServed reports whether a function, or one around it, is given a connection: the
// one that it dials goes with that.
func isServed(f *ssa.Function) bool {
	for ; f != nil; f = f.Parent() {
		for _, p := range f.Params {
			if isConn(p.Type()) {
				return true
			}
		}
	}
	return false
}
