package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/berth-go/berth"
)

// The client option of the AWS SDK, here with S3. With config.LoadDefaultConfig
// it is config.WithHTTPClient. The SDK's own time limits are for its own client,
// and where AWS_CA_BUNDLE is set, LoadDefaultConfig fails with any other: set
// berth.Transport's DialTimeout, ResponseHeaderTimeout and TLSClientConfig.
func Example_s3() {
	srv := httptest.NewServer(&bucket{})
	defer srv.Close()

	transport := berth.Default()
	cfg := aws.Config{
		HTTPClient:   &http.Client{Transport: transport},
		Region:       "us-east-1",
		Credentials:  aws.CredentialsProviderFunc(credentials),
		BaseEndpoint: aws.String(srv.URL),
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })

	ctx := context.Background()
	_, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("harbour"),
		Key:    aws.String("berth"),
		Body:   strings.NewReader("a place for a ship"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("harbour"), Key: aws.String("berth")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer object.Body.Close()
	text, err := io.ReadAll(object.Body)
	fmt.Println(string(text), err)

	s := transport.Stats()
	fmt.Println(s.Acquired, "requests,", s.Dials, "dial,", s.Reused, "reused")
	// Output:
	// a place for a ship <nil>
	// 2 requests, 1 dial, 1 reused
}

// A large object is sent with Expect: 100-continue, and once more when the
// service was busy, over the same connection.
func TestS3LargeObjectAndRetry(t *testing.T) {
	bucket := &bucket{}
	bucket.busy.Store(1)
	srv := httptest.NewServer(bucket)
	defer srv.Close()

	transport := berth.Default()
	defer transport.Close()
	client := s3.New(s3.Options{
		HTTPClient:   &http.Client{Transport: transport},
		Region:       "us-east-1",
		Credentials:  aws.CredentialsProviderFunc(credentials),
		BaseEndpoint: aws.String(srv.URL),
		UsePathStyle: true,
		Retryer:      retry.NewStandard(func(o *retry.StandardOptions) { o.Backoff = retry.BackoffDelayerFunc(atOnce) }),
	})

	body := bytes.Repeat([]byte("berth"), 1<<20)
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("harbour"),
		Key:    aws.String("large"),
		Body:   bytes.NewReader(body),
	})
	if err != nil {
		t.Fatal(err)
	}
	object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("harbour"), Key: aws.String("large")})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	if got, err := io.ReadAll(object.Body); err != nil || !bytes.Equal(got, body) {
		t.Errorf("got %d bytes, %v, want the %d that were put", len(got), err, len(body))
	}
	if n := bucket.expected.Load(); n != 2 {
		t.Errorf("%d requests expected a 100-continue, want 2", n)
	}
	if s := transport.Stats(); s.Acquired != 3 || s.Dials != 1 || s.Reused != 2 {
		t.Errorf("%d requests, %d dials, %d reused, want 3, 1, 2", s.Acquired, s.Dials, s.Reused)
	}
}

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
}

func atOnce(int, error) (time.Duration, error) { return 0, nil }

// A bucket is what these tests need of S3: it keeps what is put.
type bucket struct {
	busy     atomic.Int64 // requests that get a 503 first
	expected atomic.Int64 // requests with Expect: 100-continue
	objects  sync.Map     // []byte by path
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Expect") != "" {
		b.expected.Add(1)
	}
	if r.Method == "GET" {
		if object, ok := b.objects.Load(r.URL.Path); ok {
			w.Write(object.([]byte))
			return
		}
		w.WriteHeader(http.StatusNotFound)
		return
	}
	object, err := io.ReadAll(r.Body)
	if err != nil || b.busy.Add(-1) >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "<Error><Code>SlowDown</Code></Error>")
		return
	}
	b.objects.Store(r.URL.Path, object)
}
