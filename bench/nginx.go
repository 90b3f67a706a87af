package main

import (
	"bytes"
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed nginx.conf
var nginxConf string

var nginxTemplate = template.Must(template.New("nginx.conf").Parse(nginxConf))

// nginxCommand prepares nginx with a configuration of ours, in s.dir.
func (s *server) nginxCommand(ctx context.Context, path string, n serverNeeds, addr string) error {
	var conf bytes.Buffer
	err := nginxTemplate.Execute(&conf, map[string]any{
		"Addr":    addr,
		"Answer":  answer,
		"Conns":   2 * n.conns, // it closes idle connections once 15 in 16 are taken
		"Dir":     s.dir,
		"TLS":     n.TLS,
		"HTTP2":   n.HTTP2,
		"Streams": n.Streams,
	})
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "nginx.conf")
	if err := os.WriteFile(file, conf.Bytes(), 0o600); err != nil {
		return err
	}
	s.name = nginxVersion(ctx, path)
	s.cmd = exec.CommandContext(ctx, path, "-p", s.dir, "-c", file)
	return nil
}

// nginxVersion is as nginx says it, like nginx/1.22.1.
func nginxVersion(ctx context.Context, path string) string {
	out, _ := exec.CommandContext(ctx, path, "-v").CombinedOutput()
	_, version, ok := strings.Cut(strings.TrimSpace(string(out)), "nginx version: ")
	if !ok {
		return "nginx"
	}
	return version
}
