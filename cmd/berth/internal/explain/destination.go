package explain

import (
	"net"
	"net/netip"
	"regexp"
)

// places are how programs write the destination of a connect. The first that fits is it: the more certain ones
// are before those that may find another address of the line.
var places = []*regexp.Regexp{
	regexp.MustCompile(`->(\[[0-9a-fA-F:.%\w]+\]|[\w.-]+):(\d{1,5})`),                       // Go, with LocalAddr
	regexp.MustCompile(`dial tcp[46]? (\[[0-9a-fA-F:.%\w]+\]|[\w.-]+):(\d{1,5})`),           // Go
	regexp.MustCompile(`upstream: "\w+://(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})`),           // nginx
	regexp.MustCompile(`connect\(\) to (\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})`),             // nginx
	regexp.MustCompile(`host='([^' ]+)', port=(\d{1,5})`),                                   // urllib3, and so requests
	regexp.MustCompile(`[Cc]onnect to (?:\w+://)?(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})`),   // Apache HttpClient
	regexp.MustCompile(`connect E[A-Z]+ (\[?[0-9a-fA-F:.]+?\]?|[\w.-]+):(\d{1,5})(?:\s|$)`), // Node
	regexp.MustCompile(`remote address:(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})`),             // Envoy
	regexp.MustCompile(`(?:^|[\s/("'=\[])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}):(\d{1,5})\b`), // anybody
}

// backend is the only place that HAProxy names.
var backend = regexp.MustCompile(`[Cc]onnect\(\) failed for (backend [\w.-]+)`)

// destination is the host and port that a line speaks of, a name of the program's own, or empty.
func destination(line string) string {
	for _, place := range places {
		if m := place.FindStringSubmatch(line); m != nil && m[2] != "0" {
			return canonical(m[1], m[2])
		}
	}
	if m := backend.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// canonical writes a host and port as Go does, so that the same destination counts once.
func canonical(host, port string) string {
	if host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
	}
	return net.JoinHostPort(host, port)
}
