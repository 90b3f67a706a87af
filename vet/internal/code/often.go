package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// Often is how a piece of code comes to run again and again. Zero is that it is
// not known to.
type Often struct {
	how  how
	name string // the function's
}

type how uint8

const (
	seldom    how = iota
	byCall        // of a function that others call as they like
	byScrape      // a collector of Prometheus, which is asked a few times a minute
	byLoop        // in a loop
	byRequest     // a handler, or what it calls
)

// Yes reports whether it does.
func (o Often) Yes() bool { return o.how != seldom }

// Serves reports whether it runs for each of the requests that a server has, or in
// a loop: more than because anybody may call it.
func (o Often) Serves() bool { return o.how == byLoop || o.how == byRequest }

// ByLoop reports whether it runs in a loop, here or where it is called.
func (o Often) ByLoop() bool { return o.how == byLoop }

// ByCall reports whether it is only known to because anybody may call it.
func (o Often) ByCall() bool { return o.how == byCall }

// String completes "a new connection …".
func (o Often) String() string {
	switch o.how {
	case byLoop:
		return "in every turn of a loop"
	case byRequest:
		return "for every request that reaches " + o.name
	case byScrape:
		return "for every scrape that reaches " + o.name
	case byCall:
		return "for every call of " + o.name
	}
	return ""
}

// Often returns how an instruction comes to run often.
func (c *Code) Often(in ssa.Instruction) Often {
	f := in.Parent()
	if c.isSeldom(in.Block()) {
		return Often{}
	}
	o := c.often[f]
	if InLoop(in) {
		switch b := in.Block(); {
		case isPaced(b), o.ByLoop() && waitsEachTurn(b):
			return Often{} // though f be started again and again
		case c.turns(b) && !isStartUp(in):
			return Often{byLoop, c.shown(f)}
		}
	}
	if o.Yes() {
		o.name = c.shown(f)
	}
	return o
}

// isSeldom reports whether a block is for what goes wrong, or is not known yet.
func (c *Code) isSeldom(b *ssa.BasicBlock) bool { return OnError(b) || c.isMissed(b) }

// Repeats returns how an instruction comes to run more than once, for all we know, if
// seldom: what it leaves behind piles up.
func (c *Code) Repeats(in ssa.Instruction) Often {
	if InLoop(in) {
		return Often{byLoop, c.shown(in.Parent())}
	}
	return c.repeats[in.Parent()]
}

// shown is a function's name for people: a literal's is that of the function around it,
// or of the package variable that it is in.
func (c *Code) shown(f *ssa.Function) string {
	f = Outermost(f)
	if f.Parent() != nil {
		return c.variableAt(f.Pos())
	}
	name, _, _ := strings.Cut(f.Name(), "#") // init#1
	return name
}

// variableAt is the name of the package variable that is declared around a position.
func (c *Code) variableAt(pos token.Pos) string {
	for _, f := range c.pass.Files {
		for _, d := range f.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || pos < d.Pos() || pos >= d.End() {
				continue
			}
			for _, spec := range d.Specs {
				if spec, ok := spec.(*ast.ValueSpec); ok && pos >= spec.Pos() && pos < spec.End() {
					return spec.Names[0].Name
				}
			}
		}
	}
	return ""
}

// Outermost is the function that a literal is in, or the function itself: of what a
// package variable is set to where it is declared, the literal.
func Outermost(f *ssa.Function) *ssa.Function {
	for f.Parent() != nil && f.Parent().Synthetic != "package initializer" {
		f = f.Parent()
	}
	return f
}

// findOften says it of all functions. It starts from those that others call: the
// exported ones, but for package main and tests, and handlers; and goes on to what
// these call, and to what is called in a loop, if the call is one of those that count,
// and the loop turns by itself.
func (c *Code) findOften(counts, turns func(ssa.Instruction) bool) map[*ssa.Function]Often {
	often := map[*ssa.Function]Often{}
	var work []*ssa.Function
	mark := func(f *ssa.Function, h how) {
		if f == nil || often[f].how >= h {
			return
		}
		often[f] = Often{how: h}
		work = append(work, f)
	}
	for _, f := range c.Funcs {
		switch {
		case isHandler(f):
			mark(f, byRequest)
		case isCollector(f):
			mark(f, byScrape)
		case c.isForOthers(f):
			mark(f, byCall)
		}
		eachCall(f, func(in ssa.Instruction, callee *ssa.Function) {
			if InLoop(in) && counts(in) && !c.IsTest(in.Pos()) && turns(in) {
				mark(callee, byLoop)
			}
		})
	}
	for len(work) > 0 {
		f := work[len(work)-1]
		work = work[:len(work)-1]
		eachCall(f, func(in ssa.Instruction, callee *ssa.Function) {
			if counts(in) {
				mark(callee, often[f].how)
			}
		})
	}
	return often
}

// eachCall visits the functions that f calls, starts, or gives to another to call
// as often, or to its caller: but for sync.Once and its like.
func eachCall(f *ssa.Function, visit func(in ssa.Instruction, callee *ssa.Function)) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if ret, ok := in.(*ssa.Return); ok {
				for _, res := range ret.Results {
					if lit := literalOf(res); lit != nil {
						visit(in, lit)
					}
				}
			}
			call, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			common := call.Common()
			if isOnce(Callee(common)) {
				continue
			}
			if callee := common.StaticCallee(); callee != nil && callee.Blocks != nil {
				visit(in, callee)
			}
			for _, arg := range common.Args {
				if lit := literalOf(arg); lit != nil {
					visit(in, lit)
				}
			}
		}
	}
}

// IsReturned reports whether a literal is what the function around it returns.
func IsReturned(lit *ssa.Function) bool {
	if lit.Parent() == nil {
		return false
	}
	for _, b := range lit.Parent().Blocks {
		if ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok && slices.ContainsFunc(ret.Results, func(v ssa.Value) bool { return literalOf(v) == lit }) {
			return true
		}
	}
	return false
}

// literalOf is the function literal that a value is, or nil.
func literalOf(v ssa.Value) *ssa.Function {
	for {
		switch x := v.(type) {
		case *ssa.MakeClosure:
			return x.Fn.(*ssa.Function)
		case *ssa.Function:
			if x.Parent() != nil {
				return x
			}
			return nil
		case *ssa.ChangeType:
			v = x.X
		case *ssa.MakeInterface:
			v = x.X
		default:
			return nil
		}
	}
}

func isOnce(fn *types.Func) bool {
	switch FullName(fn) {
	case "(sync.Once).Do", "sync.OnceFunc", "sync.OnceValue", "sync.OnceValues", "(golang.org/x/sync/singleflight.Group).Do":
		return true
	}
	return false
}

// isForOthers reports whether f is exported by a package that others import, to be
// called again and again.
func (c *Code) isForOthers(f *ssa.Function) bool {
	if f.Parent() != nil || f.Pkg == nil || c.isProgram || c.IsTest(f.Pos()) || !ast.IsExported(f.Name()) {
		return false
	}
	if f.Signature.Recv() == nil && IsInternal(f.Pkg.Pkg.Path()) {
		return false
	}
	return !IsForOnce(f) && !isMaker(f)
}

// IsInternal reports whether a package is a module's own. Its functions are called
// from where that says: nobody knows how often. Methods are of something that is
// there for longer than a call.
func IsInternal(path string) bool {
	return slices.Contains(strings.Split(path, "/"), "internal")
}

// isProgram reports whether a package is a program's own: main, or what is below a
// folder that is called so. What it exports is for itself.
func isProgram(pass *analysis.Pass) bool {
	return pass.Pkg.Name() == "main" || isCommandPackage(pass)
}

// IsOfCommands reports whether the package is below a folder for programs: who knows which
// there are may know that they are done when they have gone through what they were given.
func (c *Code) IsOfCommands() bool { return isCommandPackage(c.pass) }

func isCommandPackage(pass *analysis.Pass) bool {
	for dir := range foldersOf(pass) {
		if IsCommandFolder(dir) {
			return true
		}
	}
	return false
}

// IsCommandFolder reports whether what is below a folder of this name is for a program.
func IsCommandFolder(dir string) bool {
	switch dir {
	case "cmd", "cmds", "cli", "command", "commands":
		return true
	}
	return false
}

// onces are the names of methods, and begin those of functions, that are called once for each
// program, or for each object, however often they may be.
var onces = []string{"Init", "Setup", "Install", "Start", "Serve", "Listen", "Main", "Stop", "Close", "Shutdown"}

// runs are such names too, but what returns what it was asked for may run again and again.
var runs = []string{"Run", "Execute"}

// IsForOnce reports whether a function is one of those.
func IsForOnce(f *ssa.Function) bool {
	is := startsWith
	if f.Signature.Recv() != nil {
		is = func(name string, words []string) bool { return slices.Contains(words, name) }
	}
	return is(f.Name(), onces) || is(f.Name(), runs) && !returnsData(f)
}

// returnsData reports whether a function returns more than how it went, or what it has made
// that runs now.
func returnsData(f *ssa.Function) bool {
	for v := range f.Signature.Results().Variables() {
		switch u := v.Type().Underlying().(type) {
		case *types.Basic:
			if u.Info()&types.IsString != 0 {
				return true
			}
		case *types.Signature, *types.Chan:
		default:
			if !IsError(v.Type()) && !Named(v.Type(), "context", "Context") && !isOwnObject(f, v.Type()) {
				return true
			}
		}
	}
	return false
}

// makers begin the names of functions that return an object of their package.
var makers = []string{"New", "Open", "Create", "Connect", "Dial"}

// isMaker reports whether a function is one of those: what it returns is no record of data.
func isMaker(f *ssa.Function) bool {
	if f.Signature.Recv() != nil || !startsWith(f.Name(), makers) {
		return false
	}
	for v := range f.Signature.Results().Variables() {
		if isOwnObject(f, v.Type()) {
			return true
		}
	}
	return false
}

// isOwnObject reports whether a type is one of a function's package that does something, by
// its methods or by what it has, rather than data that came from a server.
func isOwnObject(f *ssa.Function, t types.Type) bool {
	n := NamedOf(t)
	if n == nil || n.Obj().Pkg() != f.Pkg.Pkg {
		return false
	}
	s, ok := n.Underlying().(*types.Struct)
	if !ok || slices.ContainsFunc(slices.Collect(n.Methods()), mayFail) {
		return true
	}
	for field := range s.Fields() {
		if !field.Exported() || !isPlain(field.Type()) {
			return true
		}
	}
	return false
}

// mayFail reports whether a method returns an error, or is given a context, and is none by
// which data is read and written.
func mayFail(m *types.Func) bool {
	if strings.HasPrefix(m.Name(), "Marshal") || strings.HasPrefix(m.Name(), "Unmarshal") || !m.Exported() {
		return false
	}
	sig := m.Signature()
	for v := range sig.Params().Variables() {
		if Named(v.Type(), "context", "Context") {
			return true
		}
	}
	n := sig.Results().Len()
	return n > 0 && IsError(sig.Results().At(n-1).Type())
}

// isPlain reports whether data may be of a type: of no function, of nothing that does
// something, and of none that is of a package that makes connections.
func isPlain(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Signature, *types.Chan:
		return false
	case *types.Interface:
		return u.NumMethods() == 0
	}
	n := NamedOf(t)
	return n == nil || n.Obj().Pkg() == nil || !Connects(n.Obj().Pkg().Path())
}

// startsWith reports whether the first word, or more, of a name is one of the words.
func startsWith(name string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		rest, ok := strings.CutPrefix(name, word)
		return ok && (rest == "" || !unicode.IsLower(rune(rest[0])))
	})
}
