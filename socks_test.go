package berth

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
)

// script is a proxy that sends what it was made to, whatever it hears.
type script struct {
	io.Reader
	heard bytes.Buffer
}

func (s *script) Write(p []byte) (int, error) { return s.heard.Write(p) }

func TestSOCKS(t *testing.T) {
	const ok4 = "\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"
	user := url.UserPassword("me", "pw")
	tests := []struct {
		name  string
		user  *url.Userinfo
		addr  string
		sends string
		hears string
		err   string // a part of it
	}{
		{"name", nil, "host.test:80", "\x05\x00" + ok4, "\x05\x01\x00" + "\x05\x01\x00\x03\x09host.test\x00\x50", ""},
		{"IPv4", nil, "1.2.3.4:443", "\x05\x00" + ok4, "\x05\x01\x00" + "\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb", ""},
		{"IPv6", nil, "[::1]:80", "\x05\x00" + ok4, "\x05\x01\x00" + "\x05\x01\x00\x04" + strings.Repeat("\x00", 15) + "\x01\x00\x50", ""},
		{"mapped IPv4", nil, "[::ffff:1.2.3.4]:80", "\x05\x00" + ok4, "\x05\x01\x00" + "\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50", ""},
		{"bound to a name", nil, "h:80", "\x05\x00" + "\x05\x00\x00\x03\x01x\x00\x50", "\x05\x01\x00" + "\x05\x01\x00\x03\x01h\x00\x50", ""},
		{"bound to IPv6", nil, "h:80", "\x05\x00" + "\x05\x00\x00\x04" + strings.Repeat("\x00", 18), "\x05\x01\x00" + "\x05\x01\x00\x03\x01h\x00\x50", ""},
		{"password", user, "h:80", "\x05\x02\x01\x00" + ok4, "\x05\x02\x00\x02" + "\x01\x02me\x02pw" + "\x05\x01\x00\x03\x01h\x00\x50", ""},
		{"password not needed", user, "h:80", "\x05\x00" + ok4, "\x05\x02\x00\x02" + "\x05\x01\x00\x03\x01h\x00\x50", ""},
		{"password refused", user, "h:80", "\x05\x02\x01\x01", "\x05\x02\x00\x02" + "\x01\x02me\x02pw", "refused user name and password"},
		{"password not offered", nil, "h:80", "\x05\x02", "\x05\x01\x00", "method 2, which was not offered"},
		{"no method", user, "h:80", "\x05\xff", "\x05\x02\x00\x02", "no authentication method"},
		{"refused", nil, "h:80", "\x05\x00" + "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00", "\x05\x01\x00" + "\x05\x01\x00\x03\x01h\x00\x50", "connection refused"},
		{"unknown reason", nil, "h:80", "\x05\x00" + "\x05\x63\x00\x01\x00\x00\x00\x00\x00\x00", "\x05\x01\x00" + "\x05\x01\x00\x03\x01h\x00\x50", "reason 99"},
		{"unknown address", nil, "h:80", "\x05\x00" + "\x05\x00\x00\x09", "\x05\x01\x00" + "\x05\x01\x00\x03\x01h\x00\x50", "type 9"},
		{"version 4", nil, "h:80", "\x04\x00", "\x05\x01\x00", "version 4"},
		{"HTTP", nil, "h:80", "HTTP/1.1 400 Bad Request", "\x05\x01\x00", "version 72"},
		{"cut short", nil, "h:80", "\x05\x00\x05\x00", "\x05\x01\x00" + "\x05\x01\x00\x03\x01h\x00\x50", io.ErrUnexpectedEOF.Error()},
		{"long name", nil, strings.Repeat("x", 256) + ":80", "", "", "255 bytes"},
		{"no user", url.UserPassword("", "pw"), "h:80", "\x05\x02", "\x05\x02\x00\x02", "1 to 255 bytes"},
		{"port", nil, "h:70000", "", "", "65535"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rest := strings.NewReader(tt.sends + "hello")
			proxy := &script{Reader: rest}
			if tt.err != "" {
				proxy.Reader = strings.NewReader(tt.sends)
			}
			err := socksHandshake(proxy, tt.user, tt.addr)
			if got := proxy.heard.String(); got != tt.hears {
				t.Errorf("the proxy heard %q, want %q", got, tt.hears)
			}
			switch {
			case tt.err == "" && err != nil, tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %q", err, tt.err)
			case err == nil && rest.Len() != len("hello"):
				t.Errorf("%d bytes of what is behind the reply were read", len("hello")-rest.Len())
			}
		})
	}
}

// Whatever a proxy sends, the handshake ends, and reads no more than it needs.
func FuzzSOCKS(f *testing.F) {
	f.Add([]byte("\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"), "host.test:80", true)
	f.Add([]byte("\x05\x02\x01\x00\x05\x00\x00\x03\xff"), "[::1]:80", true)
	f.Add([]byte("\x05\x02\x01\x00\x05\x00\x00\x03\x00\x03\xe9"), "host.test:80", true)
	f.Fuzz(func(t *testing.T, sends []byte, addr string, login bool) {
		var user *url.Userinfo
		if login {
			user = url.UserPassword("me", "pw")
		}
		proxy := &script{Reader: bytes.NewReader(sends)}
		if socksHandshake(proxy, user, addr) == nil && len(sends) < leastReply(sends) {
			t.Errorf("%q is taken for a connection", sends)
		}
	})
}

// leastReply is how many bytes a proxy that has agreed sends at least.
func leastReply(sends []byte) int {
	n := 2 // the method
	if sends[1] == socksPassword {
		n += 2
	}
	if sends[n+3] == socksName {
		return n + 4 + 1 + 2 // of an empty name
	}
	return n + 4 + net.IPv4len + 2
}
