package pools

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"database/sql.Open": "sql.DB",
		"(github.com/gocql/gocql.ClusterConfig).CreateSession":           "gocql.Session",
		"github.com/aws/aws-sdk-go-v2/service/s3.NewFromConfig":          "client of AWS, which has an http.Transport of its own",
		"cloud.google.com/go/storage.NewClient":                          "client of Google Cloud",
		"cloud.google.com/go/secretmanager/apiv1.NewClient":              "client of Google Cloud",
		"cloud.google.com/go/storage.NewReader":                          "",
		"cloud.google.com/go/compute/metadata.NewClient":                 "",
		"github.com/aws/aws-sdk-go-v2/service/s3/types.NewFromConfig":    "",
		"(github.com/aws/aws-sdk-go-v2/service/s3.Client).PutObject":     "",
		"github.com/aws/aws-sdk-go/aws/session.NewSession":               "",
		"k8s.io/client-go/kubernetes.NewForConfig":                       "",
		"(github.com/aws/aws-sdk-go-v2/service/s3.Client).NewFromConfig": "",
	} {
		p, ok := Of(false).Find(name)
		if p.What != want || ok != (want != "") {
			t.Errorf("%s: %q, want %q", name, p.What, want)
		}
	}
	if p, ok := Of(true).Find("database/sql.Open"); ok {
		t.Errorf("net/http has %v", p)
	}
}

func TestMakes(t *testing.T) {
	for pkg, want := range map[string]bool{
		"database/sql": true, "net/http": true, "github.com/aws/aws-sdk-go-v2/service/s3": true, "github.com/gocql/gocql": true,
		"net": false, "github.com/aws/aws-sdk-go-v2/service": false, "github.com/aws/aws-sdk-go-v2/service/s3/types": false,
	} {
		if got := Makes(pkg); got != want {
			t.Errorf("%s: %v, want %v", pkg, got, want)
		}
	}
}

func TestRead(t *testing.T) {
	for line, want := range map[string]string{
		"pool example.com/db.Open":        "t:1: a line has http, off, pool or none, a function or type, and what it is",
		"many example.com/db.Open db.DB":  "t:1: a line has http, off, pool or none, a function or type, and what it is",
		"pool (example.com/*.DB).New db":  "t:1: a star is for functions and types, as example.com/*.New",
		"pool example.com/[*.New db":      "t:1: a star is for functions and types, as example.com/*.New",
		"pool example.com/*.New client\n": "",
		"# pool\n\n":                      "",
	} {
		got := ""
		if err := (&Table{named: map[string]Pool{}}).read(strings.NewReader(line), "t"); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
