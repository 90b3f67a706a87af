package examples_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"connectrpc.com/connect"
	connectv2 "connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/berth-go/berth"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Clients that connect-go generates, and the generic one here, take an
// http.Client. Over HTTP/2 without TLS, as gRPC is spoken inside a cluster:
func Example_connect() {
	mux := http.NewServeMux()
	mux.Handle("/echo.v1.Echo/Say", connect.NewUnaryHandler("/echo.v1.Echo/Say", say))
	srv := startH2C(mux)
	defer srv.Close()

	transport := berth.Default()
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetUnencryptedHTTP2(true)
	client := connect.NewClient[text, text](&http.Client{Transport: transport}, srv.URL+"/echo.v1.Echo/Say", connect.WithGRPC())

	for _, word := range []string{"ahoy", "bye"} {
		resp, err := client.CallUnary(context.Background(), connect.NewRequest(wrapperspb.String(word)))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(resp.Msg.Value)
	}

	s := transport.Stats()
	fmt.Println(s.Acquired, "calls,", s.Dials, "dial,", s.Reused, "reused")
	// Output:
	// ahoy, indeed
	// bye, indeed
	// 2 calls, 1 dial, 1 reused
}

// Each protocol of connect-go, in the version that most programs have and in
// the newest: calls, and a stream in both directions that goes on while the
// calls are made, all over one connection.
func TestConnectOverOneConnection(t *testing.T) {
	const method = "/echo.v1.Echo/"
	mux := http.NewServeMux()
	mux.Handle(method+"Say", connect.NewUnaryHandler(method+"Say", say))
	mux.Handle(method+"Talk", connect.NewBidiStreamHandler(method+"Talk", talk))
	srv := startH2C(mux)
	defer srv.Close()

	for _, tt := range []struct {
		name string
		dial func(*http.Client) caller
	}{
		{"Connect", func(c *http.Client) caller { return newV1(c, srv.URL+method) }},
		{"gRPC", func(c *http.Client) caller { return newV1(c, srv.URL+method, connect.WithGRPC()) }},
		{"gRPC-Web", func(c *http.Client) caller { return newV1(c, srv.URL+method, connect.WithGRPCWeb()) }},
		{"Connect, v2", func(c *http.Client) caller { return newV2(c, srv.URL) }},
		{"gRPC, v2", func(c *http.Client) caller { return newV2(c, srv.URL, connecthttp.WithGRPC()) }},
		{"gRPC-Web, v2", func(c *http.Client) caller { return newV2(c, srv.URL, connecthttp.WithGRPCWeb()) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			transport := berth.Default()
			defer transport.Close()
			transport.Protocols = new(http.Protocols)
			transport.Protocols.SetUnencryptedHTTP2(true)
			client := tt.dial(&http.Client{Transport: transport})

			stream, err := client.talk(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			exchange := func(word string) {
				t.Helper()
				if err := stream.send(word); err != nil {
					t.Fatal(err)
				}
				if got, err := stream.receive(); err != nil || got != word+", indeed" {
					t.Fatalf("the stream answers %q, %v", got, err)
				}
			}
			exchange("one")

			const calls = 20
			var wg sync.WaitGroup
			for i := range calls {
				wg.Go(func() {
					word := fmt.Sprint("call ", i)
					if got, err := client.say(t.Context(), word); err != nil || got != word+", indeed" {
						t.Errorf("said %q, got %q, %v", word, got, err)
					}
				})
			}
			wg.Wait()

			exchange("two")
			if err := stream.closeSend(); err != nil {
				t.Error(err)
			}
			if got, err := stream.receive(); !errors.Is(err, io.EOF) {
				t.Errorf("after the end, the stream answers %q, %v", got, err)
			}

			if s := transport.Stats(); s.Acquired != 1+calls || s.Dials != 1 || s.Reused != calls {
				t.Errorf("%d requests, %d dials, %d reused, want %d, 1, %d", s.Acquired, s.Dials, s.Reused, 1+calls, calls)
			}
		})
	}
}

// A stream that its client leaves ends for the server, and its connection stays.
func TestConnectStreamCancelled(t *testing.T) {
	left := make(chan error, 1)
	srv := startH2C(connect.NewBidiStreamHandler("/", func(ctx context.Context, stream *connect.BidiStream[text, text]) error {
		err := talk(ctx, stream)
		left <- err
		return err
	}))
	defer srv.Close()

	transport := berth.Default()
	defer transport.Close()
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetUnencryptedHTTP2(true)
	client := connect.NewClient[text, text](&http.Client{Transport: transport}, srv.URL, connect.WithGRPC())

	for range 2 {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		stream := v1Stream{client.CallBidiStream(ctx)}
		if err := stream.send("one"); err != nil {
			t.Fatal(err)
		}
		if got, err := stream.receive(); err != nil || got != "one, indeed" {
			t.Fatalf("the stream answers %q, %v", got, err)
		}
		leave()
		if _, err := stream.receive(); connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("having left, the client gets %v", err)
		}
		if err := <-left; connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("the server gets %v", err)
		}
	}
	if s := transport.Stats(); s.Dials != 1 {
		t.Errorf("%d dials, want 1", s.Dials)
	}
}

// The service: what is said is confirmed. Its messages are those that protobuf
// brings, so that no code has to be generated.

type text = wrapperspb.StringValue

func say(_ context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
	return connect.NewResponse(wrapperspb.String(req.Msg.Value + ", indeed")), nil
}

func talk(_ context.Context, stream *connect.BidiStream[text, text]) error {
	for {
		msg, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(wrapperspb.String(msg.Value + ", indeed")); err != nil {
			return err
		}
	}
}

func startH2C(h http.Handler) *httptest.Server {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	return srv
}

// A caller is a client of the service, of either version of connect-go.
type caller interface {
	say(ctx context.Context, word string) (string, error)
	talk(ctx context.Context) (talker, error)
}

type talker interface {
	send(word string) error
	receive() (string, error)
	closeSend() error
}

type v1 struct{ sayer, talker *connect.Client[text, text] }

func newV1(c *http.Client, url string, opts ...connect.ClientOption) caller {
	return v1{connect.NewClient[text, text](c, url+"Say", opts...), connect.NewClient[text, text](c, url+"Talk", opts...)}
}

func (c v1) say(ctx context.Context, word string) (string, error) {
	resp, err := c.sayer.CallUnary(ctx, connect.NewRequest(wrapperspb.String(word)))
	if err != nil {
		return "", err
	}
	return resp.Msg.Value, nil
}

func (c v1) talk(ctx context.Context) (talker, error) {
	return v1Stream{c.talker.CallBidiStream(ctx)}, nil
}

type v1Stream struct {
	*connect.BidiStreamForClient[text, text]
}

func (s v1Stream) send(word string) error { return s.Send(wrapperspb.String(word)) }
func (s v1Stream) closeSend() error       { return s.CloseRequest() }

func (s v1Stream) receive() (string, error) {
	msg, err := s.Receive()
	return msg.GetValue(), err
}

type v2 struct{ *connectv2.Client }

func newV2(c *http.Client, url string, opts ...connecthttp.Option) caller {
	return v2{connectv2.NewClient(connecthttp.NewTransport(c, url, opts...))}
}

func (c v2) say(ctx context.Context, word string) (string, error) {
	var answer text
	spec := connectv2.Spec{Procedure: "/echo.v1.Echo/Say", StreamType: connectv2.StreamTypeUnary}
	err := c.CallUnary(ctx, spec, wrapperspb.String(word), &answer)
	return answer.Value, err
}

func (c v2) talk(ctx context.Context) (talker, error) {
	spec := connectv2.Spec{Procedure: "/echo.v1.Echo/Talk", StreamType: connectv2.StreamTypeBidi}
	stream, err := c.CallClientStream(ctx, spec)
	return v2Stream{stream}, err
}

type v2Stream struct{ connectv2.ClientStream }

func (s v2Stream) send(word string) error { return s.Send(wrapperspb.String(word)) }
func (s v2Stream) closeSend() error       { return s.CloseSend() }

func (s v2Stream) receive() (string, error) {
	var answer text
	err := s.Receive(&answer)
	return answer.Value, err
}
