package advice

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/berth-go/berth/cmd/berth/internal/diagnose"
	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

func owner(command string, cmdline ...string) ports.Owner {
	return ports.Owner{Command: command, Cmdline: cmdline, Sockets: 1}
}

func TestOf(t *testing.T) {
	tests := []struct {
		owner ports.Owner
		want  string
	}{
		{owner("java", "/usr/bin/java", "-cp", "lib/httpclient-4.5.14.jar:app.jar", "Main"), "java-httpclient-4"},
		{owner("java", "java", "-cp", "lib/httpclient5-5.3.1.jar:app.jar", "Main"), "java-httpclient-5"},
		{owner("java", "java", "-jar", "app.jar"), "java"},
		{owner("main", "/opt/jdk/bin/java", "-jar", "app.jar"), "java"}, // comm is the first thread's name
		{owner("python3.12", "python3.12", "app.py"), "python"},
		{owner("gunicorn: worke", "gunicorn: worker [app]"), "python"},
		{owner("node", "/usr/bin/node", "server.js"), "node"},
		{owner("node.exe", `C:\Program Files\nodejs\node.exe`), "node"},
		{owner("nginx", "nginx: worker process"), "nginx"},
		{owner("haproxy", "/usr/sbin/haproxy", "-Ws"), "haproxy"},
		{owner("envoy", "envoy", "-c", "envoy.yaml"), "envoy"},
		{owner("php-fpm8.3", "php-fpm: pool www"), "php"},
		{owner("curl", "curl", "http://10.0.3.7:8080/"), "curl"},
		{owner("caddy", "/usr/bin/caddy", "run"), "go"},
		{owner("orders", "/srv/orders"), ""}, // could be anything
		{owner("phpize-me"), ""},
		{owner("javac", "javac", "A.java"), ""},
		{ports.Owner{}, ""},
	}
	for _, tt := range tests {
		got := ""
		if c := of(tt.owner); c != nil {
			got = c.ID
		}
		if got != tt.want {
			t.Errorf("%q %q: got %q, want %q", tt.owner.Command, tt.owner.Cmdline, got, tt.want)
		}
	}
}

func TestFor(t *testing.T) {
	general := []string{diagnose.ShareOneClient, "to gain time: ..."}
	few, many := owner("curl"), owner("nginx")
	many.Sockets = 7
	got := For(general, []ports.Owner{few, many})
	if !strings.HasPrefix(got[0], "keep connections to the upstream: ") || !strings.HasSuffix(got[0], "(docs/clients.md#nginx)") || got[1] != general[1] {
		t.Errorf("got %q, want nginx's, and the rest as it was", got)
	}
	if general[0] != diagnose.ShareOneClient {
		t.Error("the slice given was written to")
	}
	for _, owners := range [][]ports.Owner{nil, {owner("orders")}} {
		if got := For(general, owners); !slices.Equal(got, general) {
			t.Errorf("got %q for %v, want the general advice", got, owners)
		}
	}
	for _, s := range []string{diagnose.CloseWhatYouOpen, diagnose.CloseWhatThePeerClosed} {
		if got := For([]string{s}, []ports.Owner{owner("caddy")}); !strings.HasPrefix(got[0], "in Go, close each response body") {
			t.Errorf("got %q for %q", got, s)
		}
	}
}

// TestDocs holds docs/clients.md to the data: a heading each, and no sentence that is not plain ASCII.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	var headings, want []string
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(page), -1) {
		headings = append(headings, m[1])
	}
	for _, c := range clients {
		want = append(want, c.ID)
		for _, s := range []string{c.Reuse, c.Close} {
			if s == "" || strings.HasSuffix(s, ".") || strings.IndexFunc(s, func(r rune) bool { return r > '~' }) >= 0 {
				t.Errorf("%s says %q", c.ID, s)
			}
		}
	}
	slices.Sort(headings)
	slices.Sort(want)
	if !slices.Equal(headings, want) {
		t.Errorf("got the headings %q, want %q", headings, want)
	}
}
