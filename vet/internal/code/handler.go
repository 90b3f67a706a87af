package code

import (
	"go/ast"
	"go/types"
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
	"github.com/prometheus/client_golang/prometheus.Metric", // Collect(chan<- Metric): for every scrape
}

// frameworks are packages that those import whose functions are handlers, beside
// net/http: gRPC's by the errors that they return.
var frameworks = []string{
	"github.com/gin-gonic/gin",
	"github.com/labstack/echo", "github.com/labstack/echo/v4", "github.com/labstack/echo/v5",
	"github.com/gofiber/fiber", "github.com/gofiber/fiber/v2", "github.com/gofiber/fiber/v3",
	"google.golang.org/grpc/codes", "google.golang.org/grpc/status",
}

// isHandler reports whether f serves requests, by its parameters: or makes them,
// as a RoundTripper's RoundTrip.
func isHandler(f *ssa.Function) bool {
	params := f.Signature.Params()
	for i := range params.Len() {
		t := types.Unalias(params.At(i).Type())
		if ch, ok := t.(*types.Chan); ok {
			t = types.Unalias(ch.Elem())
		}
		if p, ok := t.(*types.Pointer); ok {
			t = types.Unalias(p.Elem())
		}
		if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil {
			name := n.Obj().Pkg().Path() + "." + n.Obj().Name()
			for _, h := range handlers {
				if trimVendor(name) == h {
					return true
				}
			}
		}
	}
	return f.Name() == "RoundTrip" && f.Signature.Recv() != nil && params.Len() == 1 && Named(params.At(0).Type(), "net/http", "Request") || isRPC(f)
}

// isRPC reports whether f is a method that gRPC calls for a request, by its signature:
// of a context and a message, which returns another and an error, or of a stream.
func isRPC(f *ssa.Function) bool {
	params, results := f.Signature.Params(), f.Signature.Results()
	if f.Signature.Recv() == nil || !ast.IsExported(f.Name()) || params.Len() == 0 || results.Len() == 0 || !IsError(results.At(results.Len()-1).Type()) {
		return false
	}
	if results.Len() == 1 {
		return isServerStream(params.At(params.Len() - 1).Type())
	}
	return params.Len() == 2 && Named(params.At(0).Type(), "context", "Context") && isMessage(params.At(1).Type()) &&
		results.Len() == 2 && isMessage(results.At(0).Type())
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
