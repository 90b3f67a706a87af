package code

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// handlers are the types of parameters by which a function is one.
var handlers = []string{
	"net/http.ResponseWriter",
	"github.com/gin-gonic/gin.Context",
	"github.com/labstack/echo.Context", "github.com/labstack/echo/v4.Context", "github.com/labstack/echo/v5.Context",
	"github.com/gofiber/fiber.Ctx", "github.com/gofiber/fiber/v2.Ctx", "github.com/gofiber/fiber/v3.Ctx",
	"github.com/valyala/fasthttp.RequestCtx",
	"connectrpc.com/connect.Request",
	"github.com/cloudwego/hertz/pkg/app.RequestContext",
	"github.com/kataras/iris/v12/context.Context",
	"github.com/beego/beego/v2/server/web/context.Context",
	"github.com/gogf/gf/v2/net/ghttp.Request",
	"github.com/emicklei/go-restful.Request", "github.com/emicklei/go-restful/v3.Request",
	"github.com/gobuffalo/buffalo.Context",
	"github.com/pocketbase/pocketbase/core.RequestEvent",
	"github.com/aws/aws-lambda-go/events.APIGatewayProxyRequest", "github.com/aws/aws-lambda-go/events.APIGatewayV2HTTPRequest",
	"github.com/aws/aws-lambda-go/events.LambdaFunctionURLRequest", "github.com/aws/aws-lambda-go/events.ALBTargetGroupRequest",
}

// isHandler reports whether f serves requests, by its parameters: or makes them,
// as a RoundTripper's RoundTrip.
func isHandler(f *ssa.Function) bool {
	params := f.Signature.Params()
	for v := range params.Variables() {
		if slices.Contains(handlers, paramType(v.Type())) {
			return true
		}
	}
	return f.Name() == "RoundTrip" && f.Signature.Recv() != nil && params.Len() == 1 && Named(params.At(0).Type(), "net/http", "Request") || isRPC(f)
}

// isCollector reports whether f collects metrics for Prometheus: Collect(chan<- Metric).
func isCollector(f *ssa.Function) bool {
	for v := range f.Signature.Params().Variables() {
		if ch, ok := types.Unalias(v.Type()).(*types.Chan); ok && paramType(ch.Elem()) == "github.com/prometheus/client_golang/prometheus.Metric" {
			return true
		}
	}
	return false
}

// paramType is path.Name of the type of a parameter, or of what it points to.
func paramType(t types.Type) string {
	n := NamedOf(t)
	if n == nil || n.Obj().Pkg() == nil {
		return ""
	}
	return trimVendor(n.Obj().Pkg().Path()) + "." + n.Obj().Name()
}

// isRequest reports whether what a handler is given of this type says what is asked for.
func isRequest(t types.Type) bool {
	return Named(t, "net/http", "Request") || slices.Contains(handlers, paramType(t)) || isMessage(t)
}

// isRPC reports whether f is a method that gRPC calls for a request: of a context and a
// message, which returns another and an error, or of a stream; and its type is a server
// by an interface of a message's package.
func isRPC(f *ssa.Function) bool {
	sig := f.Signature
	params, results := sig.Params(), sig.Results()
	if sig.Recv() == nil || !ast.IsExported(f.Name()) || params.Len() == 0 || results.Len() == 0 || !IsError(results.At(results.Len()-1).Type()) {
		return false
	}
	if results.Len() == 1 {
		return isServerStream(params.At(params.Len()-1).Type()) && isServer(f)
	}
	return params.Len() == 2 && Named(params.At(0).Type(), "context", "Context") && isMessage(params.At(1).Type()) &&
		results.Len() == 2 && isMessage(results.At(0).Type()) && isServer(f)
}

// isServer reports whether a method's type has an interface that is called a server, and
// has the method, of a package of its parameters or its first result.
func isServer(f *ssa.Function) bool {
	recv := f.Signature.Recv().Type()
	all := []types.Type{f.Signature.Results().At(0).Type()}
	for p := range f.Signature.Params().Variables() {
		all = append(all, p.Type())
	}
	for _, t := range all {
		n := NamedOf(t)
		if n == nil || n.Obj().Pkg() == nil {
			continue
		}
		scope := n.Obj().Pkg().Scope()
		for _, name := range scope.Names() {
			it, ok := scope.Lookup(name).Type().Underlying().(*types.Interface)
			if ok && strings.HasSuffix(name, "Server") && hasMethod(scope.Lookup(name).Type(), f.Name()) && types.Implements(recv, it) {
				return true
			}
		}
	}
	return false
}

// isMessage reports whether a type points to a message of protobuf.
func isMessage(t types.Type) bool {
	_, isPointer := types.Unalias(t).(*types.Pointer)
	return isPointer && (hasMethod(t, "ProtoMessage") || hasMethod(t, "ProtoReflect"))
}

// isServerStream reports whether a type is a server's end of a stream of gRPC.
func isServerStream(t types.Type) bool {
	return types.IsInterface(t) && hasMethod(t, "SendHeader") && hasMethod(t, "SendMsg") && hasMethod(t, "RecvMsg")
}

func hasMethod(t types.Type, name string) bool {
	obj, _, _ := types.LookupFieldOrMethod(t, false, nil, name)
	_, ok := obj.(*types.Func)
	return ok
}

func trimVendor(path string) string {
	if _, after, ok := strings.Cut(path, "/vendor/"); ok {
		return after
	}
	return path
}
