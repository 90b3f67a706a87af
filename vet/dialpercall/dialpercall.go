// Package dialpercall finds connections that are dialed for every request.
package dialpercall

import (
	"iter"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/berth-go/berth/vet/internal/code"
)

const doc = `find net.Dial for every request

A connection that is dialed for a request that is served, or in a turn of a loop, and
closed with it, takes a port each time: keep some, or use a client that does.

A connection that is returned or stored is somebody's pool; one that is dialed to see
whether it can be, and not written to, is a probe, or its server says all it has to
say and closes; one that is joined to a hijacked one, is copied both ways, or is dialed
for one that a function was given, is a tunnel; one to another address in each turn of a loop could
not be used again; a loop that waits for what other packages send may turn seldom, and
one that comes back only where there was an error has nothing to use again.
These are fine, and so is what is not TCP, or not known to be.`

// Analyzer finds them.
var Analyzer = &analysis.Analyzer{
	Name:     "dialpercall",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/berth-go/berth/vet/dialpercall",
	Requires: []*analysis.Analyzer{code.Analyzer},
	Run:      run,
}

// dials are the functions, and which argument is the network.
var dials = map[string]int{
	"net.Dial": 0, "net.DialTimeout": 0, "net.DialTCP": 0,
	"(net.Dialer).Dial": 1, "(net.Dialer).DialContext": 2,
	"crypto/tls.Dial": 0, "crypto/tls.DialWithDialer": 1,
	"(crypto/tls.Dialer).Dial": 1, "(crypto/tls.Dialer).DialContext": 2,
}

func run(pass *analysis.Pass) (any, error) {
	c := pass.ResultOf[code.Analyzer].(*code.Code)
	for _, f := range c.Funcs {
		for in, common := range code.Calls(f) {
			call, ok := in.(*ssa.Call)
			network, known := dials[code.FullName(code.Callee(common))]
			if !ok || !known || !code.Begins(code.Args(common)[network], "tcp") || c.IsTest(call.Pos()) {
				continue
			}
			often := c.Often(call)
			if !often.Serves() {
				continue
			}
			conn := result(call)
			if conn == nil || !isUsed(conn) || isTunnel(conn) || hijacks(f) || isServed(f) || often.ByLoop() && c.Varies(call, address(common, network)) {
				continue
			}
			if flow := c.Follow(conn); flow.Outlives() || flow.Looped && !code.InLoop(call) {
				continue
			}
			code.Reports(pass, code.Report{
				Pos: call.Pos(), End: call.Pos(),
				What: "a new connection " + often.String() + ", closed with it",
				Do:   "keep connections and use them again, or use a client that does",
			})
		}
	}
	return nil, nil
}

// address is what a dial connects to.
func address(dial *ssa.CallCommon, network int) ssa.Value {
	if code.FullName(code.Callee(dial)) == "net.DialTCP" {
		return code.Args(dial)[network+2] // behind the local one
	}
	return code.Args(dial)[network+1]
}

// result is the connection that a dial returns.
func result(call *ssa.Call) ssa.Value {
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

// uses are the instructions that do something with a connection, by the value that
// it is there: in literals too, and within TLS.
func uses(conn ssa.Value) iter.Seq2[ssa.Instruction, ssa.Value] {
	return func(yield func(ssa.Instruction, ssa.Value) bool) {
		seen := map[ssa.Value]bool{}
		var all func(v ssa.Value) bool
		all = func(v ssa.Value) bool {
			if seen[v] || v.Referrers() == nil {
				return true
			}
			seen[v] = true
			for _, in := range *v.Referrers() {
				more := true
				switch in := in.(type) {
				case ssa.CallInstruction:
					if call, ok := in.(*ssa.Call); ok && code.FullName(code.Callee(in.Common())) == "crypto/tls.Client" {
						more = all(call)
					} else {
						more = yield(in, v)
					}
				case *ssa.MakeClosure:
					for i, b := range in.Bindings {
						more = more && (b != v || all(in.Fn.(*ssa.Function).FreeVars[i]))
					}
				case *ssa.Store:
					more = in.Val != v || all(in.Addr)
				case *ssa.BinOp:
					more = yield(in, v)
				case ssa.Value:
					more = all(in)
				default:
					more = yield(in, v)
				}
				if !more {
					return false
				}
			}
			return true
		}
		all(conn)
	}
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
	case "Read", "Close", "LocalAddr", "RemoteAddr", "SetDeadline", "SetReadDeadline", "SetWriteDeadline", "ConnectionState", "Handshake", "HandshakeContext", "VerifyHostname":
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
			if code.Named(p.Type(), "net", "Conn") || code.Named(p.Type(), "net", "TCPConn") || code.Named(p.Type(), "crypto/tls", "Conn") {
				return true
			}
		}
	}
	return false
}
